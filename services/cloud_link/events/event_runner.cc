#include "services/cloud_link/events/event_runner.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace fieldgate::cloud_link {
namespace {

constexpr absl::Duration kRetry = absl::Seconds(1);

// For a line of a log: the first of them, and how many more.
std::string Join(const std::vector<std::string>& problems) {
  constexpr size_t kEnough = 1000;
  std::string line;
  for (size_t i = 0; i < problems.size(); ++i) {
    absl::StrAppend(&line, line.empty() ? "" : "; ");
    if (i > 0 && line.size() + problems[i].size() > kEnough) {
      absl::StrAppend(&line, "and ", problems.size() - i, " more");
      break;
    }
    line += problems[i];
  }
  return line;
}

bool Equal(const DueHandler& a, const DueHandler& b) {
  return a.event == b.event && a.handler == b.handler && a.ended == b.ended;
}

}  // namespace

void EventRunner::Configure(const config_store::v1::Events& events, Now now) {
  config_ = events;
  if (!Load(now)) return;
  const std::vector<std::string> before = engine_.paths();
  engine_.Configure(events, now);
  std::map<std::string, Outcome> outcomes;
  for (const config_store::v1::EventState& state : events.states()) {
    outcomes[state.name()] = std::move(outcomes_[state.name()]);
  }
  outcomes_ = std::move(outcomes);
  if (engine_.paths() != before) Subscribe();
}

bool EventRunner::Load(Now now) {
  if (loaded_) return true;
  absl::StatusOr<EventStore::Content> content = ports_.store->Load();
  if (!content.ok()) {
    if (!disk_failed_) log::Error("events can't start", {{"why", content.status().ToString()}});
    disk_failed_ = true;
    retry_at_ = now.monotonic + kRetry;
    return false;
  }
  disk_failed_ = false;
  loaded_ = true;
  engine_ = EventEngine(std::move(content->memories));
  pending_.assign(content->pending.begin(), content->pending.end());
  for (const PendingHandler& pending : pending_) stored_.insert(pending.number);
  if (!pending_.empty()) last_number_ = pending_.back().number;
  ready_at_ = now.monotonic + kWaitForValues;
  return true;
}

void EventRunner::Subscribe() {
  stream_.reset();
  const uint64_t number = ++stream_number_;
  if (engine_.paths().empty()) return;
  stream_ = ports_.subscribe(
      engine_.paths(),
      [this, number](std::unique_ptr<process_data::v1::ValueBatch> batch) {
        ports_.post([this, number,
                     batch = std::shared_ptr<process_data::v1::ValueBatch>(std::move(batch))] {
          if (stream_number_ != number) return;
          stream_->Consumed();
          if (!engine_.OnBatch(*batch, ports_.now())) {
            log::Error("a batch of values doesn't fit the subscription of the events");
          }
        });
      },
      [this, number] {
        ports_.post([this, number] {
          if (stream_number_ == number) engine_.OnAcquisitionLost(ports_.now());
        });
      });
}

void EventRunner::Stop() {
  ++stream_number_;
  stream_.reset();
}

void EventRunner::Settle(Now now) {
  if (now.monotonic >= retry_at_) {
    retry_at_ = MonotonicTime::Never();
    if (!loaded_) Configure(config_, now);
  }
  if (!loaded_) return;
  for (DueHandler& due : engine_.TakeDue(now)) Enqueue(std::move(due));
  Store(now);
  ExecuteNext(now);
  LogNext(now);
}

void EventRunner::Enqueue(DueHandler due) {
  if (pending_.size() >= kMaxPending) {
    const auto waits = [this](const PendingHandler& pending) { return pending.number != running_; };
    auto victim = std::find_if(pending_.begin(), pending_.end(), [&](const PendingHandler& p) {
      return waits(p) && Equal(p.due, due);
    });
    if (victim == pending_.end()) victim = std::find_if(pending_.begin(), pending_.end(), waits);
    if (!full_) {
      log::Warning("too many handlers wait; of equal ones only the newest is executed",
                   {{"event", victim->due.event}, {"handler", victim->due.handler}});
    }
    full_ = true;
    pending_.erase(victim);
  } else if (pending_.size() < kMaxPending / 2) {
    full_ = false;  // logged again
  }
  pending_.push_back({++last_number_, std::move(due)});
  pending_changed_ = true;
}

void EventRunner::Store(Now now) {
  for (const std::string& name : engine_.TakeChanged()) changed_.insert(name);
  if (!changed_.empty() && write_at_ == MonotonicTime::Never()) {
    write_at_ = std::max(now.monotonic, written_at_ + kWriteEvery);
  }
  if (now.monotonic < write_at_ && !pending_changed_) return;

  EventStore::Change change;
  for (const std::string& name : changed_) {
    if (const EventMemory* memory = engine_.Memory(name)) {
      change.remember.emplace_back(name, *memory);
    } else {
      change.forget.push_back(name);
    }
  }
  std::set<int64_t> numbers;
  for (const PendingHandler& pending : pending_) {
    numbers.insert(pending.number);
    if (stored_.count(pending.number) == 0) change.add.push_back(pending);
  }
  for (const int64_t number : stored_) {
    if (numbers.count(number) == 0) change.remove.push_back(number);
  }
  pending_changed_ = false;
  written_at_ = now.monotonic;
  if (absl::Status status = ports_.store->Apply(change); !status.ok()) {
    if (!disk_failed_) log::Error("events can't be stored", {{"why", status.ToString()}});
    disk_failed_ = true;
    write_at_ = now.monotonic + kRetry;
    return;
  }
  disk_failed_ = false;
  write_at_ = MonotonicTime::Never();
  changed_.clear();
  stored_ = std::move(numbers);
}

void EventRunner::ExecuteNext(Now now) {
  ready_ = ready_ || engine_.sampled() || now.monotonic >= ready_at_;
  if (!ready_ || running_.has_value() || pending_.empty()) return;
  const PendingHandler& next = pending_.front();
  tixml::Node do_on{"DoOn", {{"_", next.due.handler}}, {}, "", 0};
  const bool taken =
      ports_.execute({std::move(do_on)}, absl::StrCat("event ", next.due.event),
                     [this, next](const Interpreter::Result& result) { OnExecuted(next, result); });
  if (taken) {
    running_ = next.number;
  } else {
    retry_at_ = now.monotonic + kRetry;
  }
}

void EventRunner::OnExecuted(const PendingHandler& pending, const Interpreter::Result& result) {
  running_.reset();
  std::erase_if(pending_,
                [&pending](const PendingHandler& p) { return p.number == pending.number; });
  pending_changed_ = true;

  const DueHandler& due = pending.due;
  const std::string problems = Join(result.problems);
  if (const auto outcome = outcomes_.find(due.event); outcome != outcomes_.end()) {
    if (!due.ended) ++outcome->second.executions;
    outcome->second.error = problems;
  }
  if (result.failed) {
    log::Error("the handler of an event failed",
               {{"event", due.event}, {"handler", due.handler}, {"why", problems}});
  }
  AddEntry(absl::StrCat(due.event, due.ended ? " ended" : " came true",
                        due.value.empty() ? "" : " at ", due.value, ": ", due.handler,
                        result.failed ? ": failed; " : ": done", problems));
}

void EventRunner::AddEntry(std::string entry) {
  if (entries_.size() >= kMaxEntries) {
    const auto oldest = entries_.begin() + (logging_ ? 1 : 0);
    log::Error("no entry in the log Event: too many wait", {{"entry", *oldest}});
    entries_.erase(oldest);
  }
  entries_.push_back(std::move(entry));
}

void EventRunner::LogNext(Now now) {
  if (now.monotonic >= log_at_) log_at_ = MonotonicTime::Never();
  if (logging_ || entries_.empty() || log_at_ != MonotonicTime::Never()) return;
  logging_ =
      ports_.log_event(entries_.front(), [this](const absl::Status& status) { OnLogged(status); });
  if (!logging_) log_at_ = now.monotonic + kRetry;
}

void EventRunner::OnLogged(const absl::Status& status) {
  logging_ = false;
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
    log_at_ = ports_.now().monotonic + kRetry;
    return;
  }
  if (!status.ok()) {
    log::Error("no entry in the log Event",
               {{"entry", entries_.front()}, {"why", status.ToString()}});
  }
  entries_.pop_front();
}

MonotonicTime EventRunner::NextDeadline() const {
  MonotonicTime next = std::min({engine_.NextDeadline(), write_at_, retry_at_, log_at_});
  if (!ready_ && !pending_.empty()) next = std::min(next, ready_at_);
  return next;
}

void EventRunner::AddStatus(v1::GetStatusResponse& response) const {
  for (const EventEngine::Activity& activity : engine_.Activities()) {
    v1::EventStatus& status = *response.add_events();
    status.set_name(activity.name);
    status.set_active(activity.active);
    if (activity.last_at != absl::InfinitePast()) {
      status.set_last_at(absl::ToUnixSeconds(activity.last_at));
    }
    const auto outcome = outcomes_.find(activity.name);
    if (outcome == outcomes_.end()) continue;
    status.set_executions(outcome->second.executions);
    status.set_error(outcome->second.error);
  }
}

void EventRunner::AddProcessValues(std::vector<std::pair<std::string, std::string>>& values) const {
  for (const EventEngine::Activity& activity : engine_.Activities()) {
    values.emplace_back(absl::StrCat("/Process/Events/", activity.name),
                        activity.active ? "1" : "0");
  }
}

}  // namespace fieldgate::cloud_link
