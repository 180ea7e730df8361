#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/time/clock.h"
#include "proto/cloud_link.pb.h"
#include "proto/config_store.pb.h"
#include "proto/process_data.pb.h"
#include "services/cloud_link/events/condition.h"
#include "services/cloud_link/payload/channels.h"

namespace fieldgate::cloud_link {

// What is known of a state when the process ends, and is kept for the next one.
struct EventMemory {
  // What the rest belongs to: with another path or condition it means nothing.
  std::string path;
  Condition::Kind condition = config_store::v1::EventState::CONDITION_UNSPECIFIED;
  // A value was seen.
  bool seen = false;
  // The condition counts: it has held for its delay, and not ended. Of rising
  // and falling: the value is other than 0, or 0.
  bool active = false;
  // Its handler has become due for this time that it is active.
  bool raised = false;
  // A handler waits for the end of the repetition limit.
  bool waiting = false;
  // Of change: the value that the next one must differ from.
  Condition::Baseline baseline;
  // When its handler became due last.
  absl::Time last_at = absl::InfinitePast();

  friend bool operator==(const EventMemory&, const EventMemory&) = default;
};

// A handler that is to be executed.
struct DueHandler {
  std::string event;
  std::string handler;
  bool ended = false;  // the state's endhandler
  std::string value;   // that led to it, as text; at most 100 bytes
  absl::Time at;
};

// Decides when handlers of the EVENTS database are to be executed. Pure;
// thread-compatible.
//
// A condition that has held for `delay` counts; then its handler is due, at
// most once in `limit`. What comes in between is due once, at the end of it; a
// condition that lasts only if it still holds then. The end handler is due when
// a condition ends whose handler was.
//
// The first value ever seen of a rising, falling or change is what later ones
// are compared with, no event; a condition that lasts comes true with it.
//
// A point that was never sampled says nothing for kGrace after the stream
// began; then it is invalid.
class EventEngine {
 public:
  static constexpr absl::Duration kGrace = absl::Seconds(10);

  // `memories`: of the process before, by name.
  explicit EventEngine(std::map<std::string, EventMemory> memories = {});

  // Takes over the states of a configuration. One of the same name, path and
  // condition goes on from where it is, also with other values, times and
  // handlers; others start anew; those that are gone are forgotten.
  void Configure(const config_store::v1::Events& events, Now now);

  // Paths to subscribe to, each once; a path's place is its channel. After
  // Configure has changed them, a stream of the new ones begins.
  const std::vector<std::string>& paths() const { return paths_; }

  // Takes over a batch of the stream of exactly these paths; every value in it
  // is looked at. False: it doesn't fit and was left out.
  bool OnBatch(const process_data::v1::ValueBatch& batch, Now now);
  // The stream ended: bus points are invalid until the next batch.
  void OnAcquisitionLost(Now now);
  // Any point has been sampled since the start.
  bool sampled() const { return sampled_; }

  // The handlers due up to now, in the order in which they became so.
  std::vector<DueHandler> TakeDue(Now now);
  // When TakeDue may have something again without a batch.
  MonotonicTime NextDeadline() const { return next_; }

  // States whose memory changed since the last call, by name.
  std::set<std::string> TakeChanged();
  // nullptr: forgotten.
  const EventMemory* Memory(const std::string& name) const;

  struct Activity {
    std::string name;
    bool active = false;
    absl::Time last_at = absl::InfinitePast();
  };
  // In the order of the configuration.
  std::vector<Activity> Activities() const;

 private:
  struct State {
    config_store::v1::EventState config;
    Condition condition;
    size_t channel = 0;
    EventMemory memory = {};
    // Since when it holds, without its delay; none: it doesn't.
    MonotonicTime since = MonotonicTime::Never();
    // When the last handler became due; in the past of this process, too.
    std::optional<MonotonicTime> last = std::nullopt;
    // Until the first value after a restart, at most until then, nobody knows
    // whether what held before still does.
    MonotonicTime known_at = {-absl::InfiniteDuration()};

    bool holds() const { return since != MonotonicTime::Never(); }
    MonotonicTime Delayed() const;
    MonotonicTime Limited() const;
  };

  void Change(State& state, const EventMemory& memory);
  void Look(State& state, Now now);
  void Begin(State& state, Now now);
  void End(State& state, Now now);
  void Raise(State& state, Now now);
  void Add(const State& state, bool ended, Now now);
  // What became due by the passing of time.
  void Advance(Now now);
  MonotonicTime DeadlineOf(const State& state) const;

  std::map<std::string, EventMemory> memories_;  // not taken over yet
  std::vector<State> states_;
  std::vector<std::string> paths_;
  std::vector<Sample> samples_;
  std::vector<std::vector<size_t>> states_of_;  // by channel
  bool streaming_ = false;
  bool sampled_ = false;
  // Until then what was never sampled says nothing.
  MonotonicTime grace_end_ = MonotonicTime::Never();
  MonotonicTime next_ = MonotonicTime::Never();
  std::vector<DueHandler> due_;
  std::set<std::string> changed_;
};

}  // namespace fieldgate::cloud_link
