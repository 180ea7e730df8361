#include "services/config_store/validation/logs.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/config_store/validation/data_points.h"
#include "services/config_store/validation/fields.h"
#include "services/config_store/validation/formats.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;

constexpr int kMaxLogs = 20;
constexpr int kMaxPoints = 1'000;
constexpr size_t kMaxName = 64;  // a level of paths, and part of messages
constexpr int64_t kMinCycleMs = 100;
constexpr int64_t kMaxCycleMs = 86'400'000;
constexpr int64_t kDefaultAge = 365 * 86'400;
constexpr int64_t kDefaultMb = 16;

// Logs of messages (section 5, /LogCounter), which config_store keeps.
constexpr absl::string_view kMessageLogs[] = {"SupportLog", "Event", "JobReport", "Login"};

constexpr PointList kLogPoints = {
    .name = "log", .unread = "recorded as invalid", .hysteresis = false};

void ReadCycle(Fields& f, v1::Log& log) {
  const std::string* const text = f.Text("cycle");
  if (text == nullptr) return;
  const std::optional<int64_t> ms = ParseDecimal(*text, 3);
  if (ms.has_value() && *ms >= kMinCycleMs && *ms <= kMaxCycleMs) {
    log.set_cycle_ms(static_cast<uint32_t>(*ms));
    return;
  }
  f.Error("cycle",
          absl::StrCat(Quote(*text), ms ? " is out of range" : " is not a number of seconds"),
          "write a number from 0.1 to 86400, with at most three decimals");
}

void ReadBounds(Fields& f, v1::Log& log) {
  log.set_max_bytes(static_cast<uint64_t>(f.Integer("maxmb", 1, 100'000, kDefaultMb)) << 20);
  log.set_max_age_s(static_cast<uint64_t>(f.Age("maxage", kDefaultAge)));
}

void CheckName(const std::string& name, const Place& place, Problems& problems) {
  if (!IsPathLevel(name) || name.size() > kMaxName) {
    problems.Error(
        place, absl::StrCat(Quote(name), " can't be the name of a log"),
        absl::StrCat("write at most ", kMaxName, " of the characters A-Z a-z 0-9 _ . : -"));
  }
  for (const absl::string_view reserved : kMessageLogs) {
    if (!absl::EqualsIgnoreCase(name, reserved)) continue;
    problems.Error(place, absl::StrCat(reserved, " is the gateway's own log of messages"),
                   "give the log another name");
  }
}

// Each record would be followed by another one.
void RefuseOwnValues(const v1::Log& log, const v1::DataPoint& point, const Place& place,
                     Problems& problems) {
  for (const std::string* path : {&point.path(), &point.second_path()}) {
    if (!log.on_change() || !absl::StartsWith(*path, "/Process/Log/")) continue;
    problems.Error(place,
                   absl::StrCat(Quote(*path),
                                " changes with each record, so a log with "
                                "onchange=\"1\" would never come to rest"),
                   "remove it, or record the log with a cycle");
  }
}

v1::Log ReadLog(const Node& element, const Place& place, const Origins& origins, Problems& problems,
                Problems& unknown_paths) {
  v1::Log log;
  log.set_name(element.name);
  CheckName(log.name(), place, problems);
  Fields f(Fields::Of::kAttributes, element, place, problems);
  ReadCycle(f, log);
  log.set_on_change(f.Flag("onchange", false));
  ReadBounds(f, log);
  f.WarnAboutUnknown();
  if (element.children.size() > kMaxPoints) {
    problems.Error(place, absl::StrCat("it has ", element.children.size(), " data points"),
                   absl::StrCat("use at most ", kMaxPoints, ", and a further log for the rest"));
    return log;
  }
  ReadDataPoints(element, place, kLogPoints, origins, *log.mutable_points(), problems,
                 unknown_paths);
  Sensors sensors;  // a record is sent as one body
  for (int i = 0; i < log.points_size(); ++i) {
    const Place point_place = place.Child(element.children[static_cast<size_t>(i)]);
    sensors.Note(log.points(i), log.name(), point_place, problems);
    RefuseOwnValues(log, log.points(i), point_place, problems);
  }
  return log;
}

}  // namespace

google::protobuf::RepeatedPtrField<v1::Log> ReadLogs(const Node* database, const Origins& origins,
                                                     Problems& problems, Problems& unknown_paths) {
  google::protobuf::RepeatedPtrField<v1::Log> logs;
  if (database == nullptr) return logs;
  const Place root = {absl::StrCat("/", database->name), 0};
  absl::flat_hash_set<std::string> names;
  for (const Node& element : database->children) {
    const Place place = root.Child(element);
    Problems found;
    if (!names.insert(element.name).second) {
      found.Error(place, absl::StrCat("the log ", element.name, " is given twice"),
                  "rename one of them");
    }
    if (element.children.empty()) {
      if (!element.attributes.empty()) {
        found.Warning(place, "it has no data point, so there is no such log",
                      "write <NAME _=\"/Process/...\"/> into it, or leave it empty to remove it");
      }
    } else {
      v1::Log log = ReadLog(element, place, origins, found, unknown_paths);
      if (logs.size() == kMaxLogs) {
        found.Error(place, absl::StrCat("there are more than ", kMaxLogs, " logs"),
                    "put several data points into one log");
      }
      if (found.errors() == 0) *logs.Add() = std::move(log);
    }
    problems.Append(found);
  }
  return logs;
}

}  // namespace fieldgate::config_store
