#include "services/process_data/system/system_times.h"

#include "absl/strings/str_format.h"

namespace fieldgate::process_data {
namespace {

constexpr char kMoment[] = "%Y/%m/%d,%H:%M:%S";

std::string Moment(std::optional<absl::Time> time, const absl::TimeZone& zone) {
  return time.has_value() ? absl::FormatTime(kMoment, *time, zone) : "";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> SystemTimes(absl::Time now,
                                                             const absl::TimeZone& zone,
                                                             std::optional<absl::Time> power_off,
                                                             std::optional<absl::Time> power_on) {
  const auto local = [&](const char* format) { return absl::FormatTime(format, now, zone); };
  const auto local_seconds = static_cast<uint64_t>(absl::ToUnixSeconds(now) + zone.At(now).offset);
  return {
      {"TIME", local("%H:%M:%S")},
      {"DATE", local("%Y/%m/%d")},
      {"RFC822DATE", local("%a, %d %b %y %H:%M:%S %z")},
      {"ISO8601DATE", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone())},
      {"PowerOffTime", Moment(power_off, zone)},
      {"PowerOnTime", Moment(power_on, zone)},
      {"DAYOFWEEK", local("%a")},
      {"DAYOFWEEKNO", local("%w")},
      {"YYYY_MM_DD", local("%Y_%m_%d")},
      {"HH_MM_SS", local("%H_%M_%S")},
      {"HEXDATE", absl::StrFormat("%X", local_seconds)},
      {"YYMM", local("%y%m")},
  };
}

}  // namespace fieldgate::process_data
