#include "services/cloud_link/events/event_engine.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/value/batch.h"

namespace fieldgate::cloud_link {
namespace {

constexpr size_t kMaxValueText = 100;

std::string ShortText(const Value& value) {
  std::string text = ToText(value);
  if (text.size() <= kMaxValueText) return text;
  size_t end = kMaxValueText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // whole UTF-8
  return text.substr(0, end);
}

bool NeverSampled(const Sample& sample) {
  return sample.state == 0 && sample.sampled_at_us == 0 &&
         std::holds_alternative<std::monostate>(sample.value);
}

bool Belongs(const EventMemory& memory, const config_store::v1::EventState& state) {
  return memory.path == state.path() && memory.condition == state.condition();
}

}  // namespace

MonotonicTime EventEngine::State::Delayed() const {
  return since + absl::Milliseconds(config.delay_ms());
}

MonotonicTime EventEngine::State::Limited() const {
  return last.has_value() ? std::max(*last + absl::Milliseconds(config.limit_ms()), known_at)
                          : known_at;
}

EventEngine::EventEngine(std::map<std::string, EventMemory> memories)
    : memories_(std::move(memories)) {}

void EventEngine::Configure(const config_store::v1::Events& events, Now now) {
  std::map<std::string, State> before;
  for (State& state : states_) {
    std::string name = state.config.name();
    before.emplace(std::move(name), std::move(state));
  }
  states_.clear();
  const std::vector<std::string> old_paths = std::exchange(paths_, {});
  states_of_.clear();
  absl::flat_hash_map<std::string, size_t> channels;
  for (const config_store::v1::EventState& config : events.states()) {
    const auto [channel, fresh] = channels.try_emplace(config.path(), paths_.size());
    if (fresh) {
      paths_.push_back(config.path());
      states_of_.emplace_back();
    }
    states_of_[channel->second].push_back(states_.size());

    State state{.config = config, .condition = Condition(config), .channel = channel->second};
    const auto old = before.find(config.name());
    const auto stored = memories_.find(config.name());
    if (old != before.end() && Belongs(old->second.memory, config)) {
      state.memory = std::move(old->second.memory);
      state.since = old->second.since;
      state.last = old->second.last;
      state.known_at = old->second.known_at;
    } else if (stored != memories_.end() && Belongs(stored->second, config)) {
      state.memory = std::move(stored->second);
      if (state.memory.active) state.since = now.monotonic;
      if (state.condition.lasts()) state.known_at = now.monotonic + kGrace;
      // After a clock that went back nobody knows how long it was: an alarm too
      // many is better than one too late.
      const absl::Duration ago = now.wall - state.memory.last_at;
      if (ago >= absl::ZeroDuration() && ago != absl::InfiniteDuration()) {
        state.last = now.monotonic - ago;
      }
    } else {
      state.memory.path = config.path();
      state.memory.condition = config.condition();
      changed_.insert(config.name());
    }
    before.erase(config.name());
    memories_.erase(config.name());
    states_.push_back(std::move(state));
  }
  for (const auto& [name, gone] : before) changed_.insert(name);
  for (const auto& [name, gone] : memories_) changed_.insert(name);
  memories_.clear();

  if (paths_ != old_paths) {
    samples_.assign(paths_.size(), Sample());
    streaming_ = false;
    grace_end_ = MonotonicTime::Never();
  }
  // By their new values.
  for (State& state : states_) Look(state, now);
  next_ = now.monotonic;
  Advance(now);
}

bool EventEngine::OnBatch(const process_data::v1::ValueBatch& batch, Now now) {
  if (!CheckColumns(batch, samples_.size()).ok()) return false;
  Advance(now);
  if (!streaming_) {
    streaming_ = true;
    grace_end_ = now.monotonic + kGrace;
    next_ = std::min(next_, grace_end_);
  }
  size_t i = 0;
  for (const auto& run : batch.runs()) {
    for (uint32_t channel = run.first(); channel < run.first() + run.count(); ++channel, ++i) {
      Sample& sample = samples_[channel];
      sample.value = ValueAt(batch, static_cast<int>(i));
      sample.state = static_cast<uint8_t>(batch.states()[i]);
      sample.sampled_at_us = run.sampled_at_us();
      sampled_ = sampled_ || !NeverSampled(sample);
      for (const size_t index : states_of_[channel]) {
        Look(states_[index], now);
        next_ = std::min(next_, DeadlineOf(states_[index]));
      }
    }
  }
  return true;
}

void EventEngine::OnAcquisitionLost(Now now) {
  if (!streaming_) return;
  Advance(now);
  for (Sample& sample : samples_) {
    if (sample.state == 1) sample.state = 0;  // bus points alone have it
  }
  for (State& state : states_) {
    Look(state, now);
    next_ = std::min(next_, DeadlineOf(state));
  }
  streaming_ = false;
  grace_end_ = MonotonicTime::Never();
}

void EventEngine::Change(State& state, const EventMemory& memory) {
  if (state.memory == memory) return;
  state.memory = memory;
  changed_.insert(state.config.name());
}

void EventEngine::Look(State& state, Now now) {
  const Sample& sample = samples_[state.channel];
  if (!streaming_ || (NeverSampled(sample) && grace_end_ != MonotonicTime::Never())) return;
  state.known_at = {-absl::InfiniteDuration()};
  const std::optional<bool> holds =
      state.condition.Holds(sample, state.holds(), state.memory.baseline);
  if (!holds.has_value()) return;
  if (!state.condition.lasts() && !state.memory.seen) {
    EventMemory memory = state.memory;
    memory.seen = true;
    if (state.condition.is_change()) {
      memory.baseline = {sample.value, sample.state};
    } else {
      memory.active = *holds;
      if (*holds) state.since = now.monotonic;
    }
    return Change(state, memory);
  }
  if (!*holds) {
    state.since = MonotonicTime::Never();
    if (state.memory.active) End(state, now);
    return;
  }
  if (!state.holds()) state.since = now.monotonic;
  if (!state.memory.active && now.monotonic >= state.Delayed()) Begin(state, now);
}

void EventEngine::Begin(State& state, Now now) {
  EventMemory memory = state.memory;
  if (state.condition.is_change()) {
    const Sample& sample = samples_[state.channel];
    memory.baseline = {sample.value, sample.state};
    state.since = MonotonicTime::Never();
  } else {
    memory.active = true;
  }
  memory.raised = false;
  memory.waiting = true;
  Change(state, memory);
  if (now.monotonic >= state.Limited()) Raise(state, now);
}

void EventEngine::End(State& state, Now now) {
  EventMemory memory = state.memory;
  memory.active = false;
  memory.raised = false;
  if (state.condition.lasts()) {
    memory.waiting = false;
    if (state.memory.raised && !state.config.end_handler().empty()) Add(state, true, now);
  }
  Change(state, memory);
}

void EventEngine::Raise(State& state, Now now) {
  EventMemory memory = state.memory;
  memory.waiting = false;
  memory.raised = state.condition.lasts();
  memory.last_at = now.wall;
  state.last = now.monotonic;
  Change(state, memory);
  Add(state, false, now);
}

void EventEngine::Add(const State& state, bool ended, Now now) {
  due_.push_back({.event = state.config.name(),
                  .handler = ended ? state.config.end_handler() : state.config.handler(),
                  .ended = ended,
                  .value = ShortText(samples_[state.channel].value),
                  .at = now.wall});
}

void EventEngine::Advance(Now now) {
  if (now.monotonic < next_) return;
  if (now.monotonic >= grace_end_) {
    grace_end_ = MonotonicTime::Never();
    for (State& state : states_) {
      if (NeverSampled(samples_[state.channel])) Look(state, now);
    }
  }
  next_ = grace_end_;
  for (State& state : states_) {
    if (!state.memory.active && now.monotonic >= state.Delayed()) Begin(state, now);
    if (state.memory.waiting && now.monotonic >= state.Limited()) Raise(state, now);
    next_ = std::min(next_, DeadlineOf(state));
  }
}

MonotonicTime EventEngine::DeadlineOf(const State& state) const {
  MonotonicTime next = MonotonicTime::Never();
  if (!state.memory.active) next = state.Delayed();
  if (state.memory.waiting) next = std::min(next, state.Limited());
  return next;
}

std::vector<DueHandler> EventEngine::TakeDue(Now now) {
  Advance(now);
  return std::exchange(due_, {});
}

std::set<std::string> EventEngine::TakeChanged() { return std::exchange(changed_, {}); }

const EventMemory* EventEngine::Memory(const std::string& name) const {
  const auto found = std::find_if(states_.begin(), states_.end(), [&name](const State& state) {
    return state.config.name() == name;
  });
  return found == states_.end() ? nullptr : &found->memory;
}

std::vector<EventEngine::Activity> EventEngine::Activities() const {
  std::vector<Activity> activities;
  for (const State& state : states_) {
    activities.push_back({state.config.name(), state.memory.active, state.memory.last_at});
  }
  return activities;
}

}  // namespace fieldgate::cloud_link
