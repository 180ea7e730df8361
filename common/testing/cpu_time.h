#pragma once

#include <functional>

#include "absl/time/time.h"

namespace fieldgate {

// The CPU time that this thread has used so far.
absl::Duration ThreadCpuTime();

// The CPU time that `work` takes: the least of several runs, so that two such
// times can be compared, however busy the machine is. Never compare one with a
// constant. A run that takes less than `enough` is the last.
absl::Duration CpuTimeOf(const std::function<void()>& work,
                         absl::Duration enough = absl::ZeroDuration());

}  // namespace fieldgate
