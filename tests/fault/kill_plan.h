#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// What is killed when, by a seed. Pure.
namespace fieldgate::fault {

enum class Victim {
  kCloudLink,
  kProcessData,
  kConfigStore,
  kAll,         // all three services at once
  kSupervisor,  // `fieldgate run`; the services see that and end
  kBroker,
};
absl::string_view Name(Victim victim);

// What a kill waits for.
enum class Moment {
  kNow,          // nothing: during the start, or wherever the last kill left it
  kConnect,      // a connection of the gateway
  kInit,         // a rollout or an init
  kData,         // data: new ones, or a backlog that drains
  kAcknowledge,  // an acknowledgement on its way to the gateway
  kRequest,      // a request is delivered to the gateway
  kAnswer,       // its answer comes
};
absl::string_view Name(Moment moment);

struct Kill {
  Victim victim = Victim::kCloudLink;
  Moment moment = Moment::kNow;
  // The moment must come so many times.
  int64_t times = 1;
  // From then on until the kill.
  absl::Duration pause;
  // Between the kill and the next start.
  absl::Duration down;

  std::string ToString() const;
};

// How one gateway is run, for as long as it exists.
struct EpisodeOptions {
  bool supervised = false;   // by `fieldgate run`; else the services alone
  bool broker_dies = false;  // the broker is among the victims
  bool clean_session = true;
  bool exactly_once = false;  // QoS 2 of CloudConn3
};

// The same seed always gives the same kills.
class KillPlan {
 public:
  explicit KillPlan(uint64_t seed);

  const EpisodeOptions& options() const { return options_; }
  Kill Next();

 private:
  // True in `percent` of a hundred cases.
  bool Chance(int percent);
  // Evenly below `bound`, in microseconds.
  absl::Duration Below(absl::Duration bound);

  std::mt19937_64 random_;
  EpisodeOptions options_;
};

}  // namespace fieldgate::fault
