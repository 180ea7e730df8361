#include "services/cloud_link/probation_watch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::Probation;

// config_store is back within a second after a kill.
constexpr absl::Duration kConfirmAgain = absl::Seconds(1);

}  // namespace

std::vector<ProbationWatch::TakenBack> ProbationWatch::OnConfiguration(
    const config_store::v1::Configuration& configuration) {
  revision_ = configuration.revision();
  records_.assign(configuration.probations().begin(), configuration.probations().end());
  std::map<std::string, Pending, std::less<>> before = std::move(pending_);
  pending_.clear();
  for (const Probation& record : records_) {
    if (record.state() != Probation::PENDING) continue;
    Pending& pending = pending_[record.connector()];
    const auto old = before.find(record.connector());
    // A further change begins anew, a mere repetition goes on.
    if (old != before.end() && old->second.record.revision() == record.revision()) {
      pending = std::move(old->second);
    }
    pending.record = record;
    const bool exists =
        std::any_of(configuration.connectors().begin(), configuration.connectors().end(),
                    [&](const auto& connector) { return connector.name() == record.connector(); });
    if (!exists) {
      pending.running = false;
      pending.why = absl::StrCat(record.connector(), " was removed");
    }
  }
  std::vector<TakenBack> taken_back;
  for (auto& [name, old] : before) {
    const int64_t former = old.record.former_revision();
    const auto still = pending_.find(name);
    if (still != pending_.end() && still->second.record.former_revision() == former) continue;
    const int64_t revision = old.record.revision();
    if (VerdictOn(name, revision).state == Verdict::State::kTakenBack) {
      taken_back.push_back(
          {name, old.why.empty()
                     ? ""
                     : absl::StrCat(name, " did not run with revision ", revision, ": ", old.why)});
    }
    ended_why_[{name, former}] = std::move(old.why);
  }
  std::erase_if(ended_why_, [this](const auto& entry) {
    return std::none_of(records_.begin(), records_.end(), [&](const Probation& record) {
      return record.connector() == entry.first.first &&
             record.former_revision() == entry.first.second;
    });
  });
  return taken_back;
}

void ProbationWatch::Note(absl::string_view connector, bool running, absl::string_view why) {
  const auto found = pending_.find(connector);
  if (found == pending_.end()) return;
  found->second.running = running;
  if (!running) found->second.why = std::string(why);
}

std::vector<ProbationWatch::Confirmation> ProbationWatch::TakeConfirmations(MonotonicTime now) {
  std::vector<Confirmation> due;
  for (auto& [name, pending] : pending_) {
    if (!pending.running || pending.confirming || now < pending.confirm_at) continue;
    pending.confirming = true;
    due.push_back({name, revision_});
  }
  return due;
}

void ProbationWatch::OnConfirmed(absl::string_view connector, MonotonicTime now) {
  const auto found = pending_.find(connector);
  if (found == pending_.end()) return;
  found->second.confirming = false;
  found->second.confirm_at = now + kConfirmAgain;
}

MonotonicTime ProbationWatch::NextDeadline() const {
  MonotonicTime next = MonotonicTime::Never();
  for (const auto& [name, pending] : pending_) {
    if (pending.running && !pending.confirming) next = std::min(next, pending.confirm_at);
  }
  return next;
}

Verdict ProbationWatch::VerdictOn(absl::string_view connector, int64_t revision) const {
  // Probations of a connector follow each other, so one at most holds it.
  const auto found = std::find_if(records_.begin(), records_.end(), [&](const Probation& record) {
    return record.connector() == connector && record.former_revision() < revision &&
           revision <= record.revision();
  });
  if (found == records_.end()) {
    if (revision_ < revision) return {};  // its configuration is on the way
    return {Verdict::State::kUnknown,
            absl::StrCat("revision ", revision, " was set on probation, and what became of it is ",
                         "not known any more; look with GetConfig")};
  }
  switch (found->state()) {
    case Probation::CONFIRMED:
      return {Verdict::State::kConfirmed, ""};
    case Probation::TAKEN_BACK: {
      const auto why = ended_why_.find({found->connector(), found->former_revision()});
      return {
          Verdict::State::kTakenBack,
          absl::StrCat("the settings of revision ", found->former_revision(),
                       " are in force again: ", connector, " did not run with those of ",
                       "revision ", found->revision(), " within ", found->confirm_time_s(), " s",
                       why == ended_why_.end() || why->second.empty()
                           ? ""
                           : absl::StrCat(": ", why->second))};
    }
    default:
      return {};
  }
}

void ProbationWatch::AddTo(v1::GetStatusResponse& status) const {
  for (const auto& [name, pending] : pending_) {
    const std::string note =
        absl::StrCat("on probation: the settings of revision ", pending.record.former_revision(),
                     " come back unless it runs within ", pending.record.confirm_time_s(), " s");
    v1::ConnectorStatus* connector = nullptr;
    for (v1::ConnectorStatus& known : *status.mutable_connectors()) {
      if (known.name() == name) connector = &known;
    }
    if (connector == nullptr) {
      connector = status.add_connectors();
      connector->set_name(name);
      connector->set_state(v1::DISABLED);
      connector->set_detail(pending.why);
    }
    connector->set_on_probation(true);
    connector->set_detail(
        absl::StrCat(connector->detail(), connector->detail().empty() ? "" : "; ", note));
  }
}

}  // namespace fieldgate::cloud_link
