#include "services/fieldgate/restart_policy.h"

#include <algorithm>

namespace fieldgate::commands {

absl::Duration RestartPolicy::Ended(MonotonicTime now) {
  if (now - started_ >= kHealthyLife) pause_ = kFirstPause;
  const absl::Duration pause = pause_;
  pause_ = std::min(2 * pause_, kLongestPause);
  return pause;
}

}  // namespace fieldgate::commands
