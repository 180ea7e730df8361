#include "services/config_store/validation/log_sections.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/cli/options.h"
#include "services/config_store/validation/formats.h"

namespace fieldgate::config_store {
namespace {

using Logs = google::protobuf::RepeatedPtrField<v1::Log>;

constexpr int kSections = 5;
constexpr int64_t kMaxSendTime = int64_t{1} << 30;  // as RTSendTime, manual 7
constexpr uint32_t kDefaultSendTime = 3'600;

// 0: by command only.
uint32_t ReadSendTime(Fields& settings, const std::string& name) {
  const std::string* const text = settings.Text(name);
  if (text == nullptr) return kDefaultSendTime;
  const std::optional<int64_t> seconds = ParseInteger(*text);
  if (seconds == -1) return 0;
  if (seconds.has_value() && *seconds >= 1 && *seconds <= kMaxSendTime) {
    return static_cast<uint32_t>(*seconds);
  }
  settings.Error(name,
                 absl::StrCat(Quote(*text),
                              seconds ? " is out of range" : " is not a whole number of seconds"),
                 absl::StrCat("write a number from 1 to ", kMaxSendTime,
                              ", or -1 to send it by command only"));
  return kDefaultSendTime;
}

const v1::Log* FindLog(const Logs& logs, const std::string& name) {
  for (const v1::Log& log : logs) {
    if (log.name() == name) return &log;
  }
  return nullptr;
}

void WarnAboutMissingLog(const std::string& name, const Logs& logs, const Place& place,
                         Problems& problems) {
  std::vector<std::string> names;
  for (const v1::Log& log : logs) names.push_back(log.name());
  const std::string nearest = cli::Nearest(name, names);
  problems.Warning(
      place, absl::StrCat("there is no log ", Quote(name), "; nothing of it is sent"),
      nearest.empty() ? "configure it in LOG" : absl::StrCat("did you mean ", nearest, "?"));
}

// The name of the log that LogN sends; nullptr: none.
const std::string* ReadName(Fields& settings, const std::string& name) {
  const std::string* const log = settings.Text(name);
  const tixml::Node* const element = settings.Element(name);
  if (log == nullptr && element != nullptr && !element->children.empty()) {
    settings.Error(name, "it does not name a log",
                   absl::StrCat("write <", name, " _=\"NAME\"/>; its data points stand in LOG"));
  }
  return log;
}

void CheckPoints(const v1::LogSection& section, const v1::Connector& connector,
                 const std::string& name, const Place& place, Sensors& sensors,
                 Problems& problems) {
  for (const v1::DataPoint& point : section.points()) {
    if (connector.virtual_devices() && !HasVirtualDevice(point)) {
      problems.Error(place,
                     absl::StrCat("the data point ", point.name(), " of the log ", section.log(),
                                  " has no meta_virtual_device, which virtual_devices=1 requires"),
                     "write meta_virtual_device=\"NAME\" at every data point, or set "
                     "virtual_devices to 0");
    }
    sensors.Note(point, name, place, problems);
  }
}

}  // namespace

void ReadLogSections(Fields& settings, const Logs& logs, v1::Connector& connector, Sensors& sensors,
                     Problems& problems, Problems& log_problems) {
  std::vector<std::string> sent;
  for (int number = 1; number <= kSections; ++number) {
    const std::string name = absl::StrCat("Log", number);
    const std::string send_time = absl::StrCat("LogSendTime", number);
    const uint32_t period = ReadSendTime(settings, send_time);
    const std::string* const log_name = ReadName(settings, name);
    if (log_name == nullptr) {
      if (settings.Has(send_time)) {
        settings.Warning(send_time, absl::StrCat("it has no effect without ", name),
                         absl::StrCat("write <", name, " _=\"NAME\"/> of a log, or remove it"));
      }
      continue;
    }
    const Place place = settings.At(name);
    if (std::find(sent.begin(), sent.end(), *log_name) != sent.end()) {
      problems.Error(place, absl::StrCat("the log ", Quote(*log_name), " is sent already"),
                     "remove one of the two");
      continue;
    }
    sent.push_back(*log_name);
    const v1::Log* const log = FindLog(logs, *log_name);
    if (log == nullptr) {
      WarnAboutMissingLog(*log_name, logs, place, log_problems);
      continue;
    }
    v1::LogSection& section = *connector.add_log_sections();
    section.set_number(number);
    section.set_log(log->name());
    section.set_send_period_s(period);
    *section.mutable_points() = log->points();
    CheckPoints(section, connector, name, place, sensors, log_problems);
  }
  settings.RefuseOtherNumbers({"LogSendTime", "Log"}, kSections, "log section");
}

}  // namespace fieldgate::config_store
