#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace fieldgate::process_data {

// The elements of /TIMES in order, name and text (manual 5). All are local
// time in `zone` but ISO8601DATE, which is UTC. HEXDATE counts the seconds
// from 1970-01-01 00:00 local time, as the manual's example does; DAYOFWEEKNO
// is 0 on Sundays. Times that are not known are empty texts.
std::vector<std::pair<std::string, std::string>> SystemTimes(absl::Time now,
                                                             const absl::TimeZone& zone,
                                                             std::optional<absl::Time> power_off,
                                                             std::optional<absl::Time> power_on);

}  // namespace fieldgate::process_data
