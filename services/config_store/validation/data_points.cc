#include "services/config_store/validation/data_points.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/tixml/codec.h"
#include "common/value/value.h"
#include "services/config_store/validation/fields.h"
#include "services/config_store/validation/formats.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;

// Names that the portal knows (Table 2-3), as they are sent.
constexpr absl::string_view kMetaNames[] = {"type",          "unit",           "set_point",
                                            "virtual",       "receive_signal", "signal_frequency",
                                            "custom_fields", "virtual_device"};

std::string PortalName(absl::string_view meta) {
  if (absl::EqualsIgnoreCase(meta, "setpoint")) return "set_point";  // every body has it so
  for (const absl::string_view known : kMetaNames) {
    if (absl::EqualsIgnoreCase(meta, known)) return std::string(known);
  }
  return std::string(meta);
}

absl::string_view LastLevel(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

class PointReader {
 public:
  PointReader(const PointList& list, const Origins& origins, Problems& problems,
              Problems& unknown_paths)
      : list_(list), origins_(origins), problems_(problems), unknown_paths_(unknown_paths) {}

  void Read(const Node& element, const Place& place, v1::DataPoint& point) {
    Fields fields(Fields::Of::kAttributes, element, place, problems_);
    point.set_name(element.name);
    fields.Require("_", absl::StrCat("<", element.name, " _=\"/Process/...\"/>"));
    point.set_path(ReadPath(fields, "_"));
    if (list_.hysteresis) ReadHysteresis(fields, point);
    ReadMetadata(element, fields, place, point);
    ReadSecondPath(fields, point);
    fields.WarnAboutUnknown();

    point.set_origin(point.path().empty() ? v1::DataPoint::UNKNOWN : Find(point.path(), place));
    if (!point.second_path().empty()) Find(point.second_path(), place);
  }

 private:
  // "" when it is not given or wrong.
  std::string ReadPath(Fields& fields, absl::string_view name) {
    const std::string* const path = fields.Text(name);
    if (path == nullptr) return {};
    if (!absl::StartsWith(*path, "/")) {
      fields.Error(name, absl::StrCat(Quote(*path), " does not start with '/'"),
                   absl::StrCat("write /", *path));
      return {};
    }
    if (absl::EndsWith(*path, "/") || absl::StrContains(*path, "//")) {
      fields.Error(name, absl::StrCat(Quote(*path), " has an empty level"),
                   "write the path of a value, such as /Process/Bus1/Device1/DP1");
      return {};
    }
    return *path;
  }

  static void ReadHysteresis(Fields& fields, v1::DataPoint& point) {
    const std::string* const text = fields.Text("hysteresis");
    if (text == nullptr) return;
    if (!ParseDecimal(*text, 2).has_value()) {
      fields.Error("hysteresis", absl::StrCat(Quote(*text), " is no hysteresis"),
                   "write a number that is not negative, with '.' and at most two decimals, such "
                   "as 0.25");
      return;
    }
    point.set_hysteresis(ParseNumber(*text).value_or(0));
  }

  void ReadMetadata(const Node& element, Fields& fields, const Place& place, v1::DataPoint& point) {
    std::string type;
    for (const tixml::Attribute& a : element.attributes) {
      absl::string_view meta = a.name;
      if (!absl::StartsWithIgnoreCase(meta, "meta_")) continue;
      meta.remove_prefix(5);
      fields.Text(a.name);  // known
      const std::string name = PortalName(meta);
      const bool repeated =
          std::any_of(point.metadata().begin(), point.metadata().end(),
                      [&](const v1::DataPoint::Metadata& other) { return other.name() == name; });
      if (name.empty() || repeated) {
        problems_.Error(place.Attribute(a.name),
                        repeated ? absl::StrCat(name, " is given twice") : "the name is missing",
                        repeated ? "remove one of them" : "write meta_unit, for example");
        continue;
      }
      CheckMetadata(name, a, place);
      if (name == "type") type = a.value;
      v1::DataPoint::Metadata& metadata = *point.add_metadata();
      metadata.set_name(name);
      metadata.set_value(a.value);
    }
    if (type.empty()) AddCustomType(place, point);
  }

  void CheckMetadata(absl::string_view name, const tixml::Attribute& a, const Place& place) {
    const Place at = place.Attribute(a.name);
    if (name == "virtual" && a.value != "true" && a.value != "false") {
      problems_.Error(at, absl::StrCat(Quote(a.value), " is neither true nor false"),
                      "write true or false");
    }
    if ((name == "signal_frequency" || name == "timeout") && !ParseNumber(a.value).has_value()) {
      problems_.Error(at, absl::StrCat(Quote(a.value), " is not a number of seconds"),
                      "write a number such as 300");
    }
    if (name == "custom_fields" && !IsCustomFields(a.value)) {
      problems_.Error(at, absl::StrCat(Quote(a.value), " is no list of fields"),
                      "write key=value;key=value");
    }
    const bool visible_ascii =
        !a.value.empty() && std::all_of(a.value.begin(), a.value.end(), [](char c) {
          return absl::ascii_isgraph(static_cast<unsigned char>(c));
        });
    if (name == "virtual_device" && !visible_ascii) {
      problems_.Error(at, absl::StrCat(Quote(a.value), " is no name of a virtual device"),
                      "write ASCII characters without spaces, such as Heating_1");
    }
  }

  // The portal requires a type (Table 2-3); custom is the one that fits all.
  void AddCustomType(const Place& place, v1::DataPoint& point) {
    problems_.Warning(place, "meta_type is missing; custom is sent",
                      "write meta_type=\"temperature\" or another type of the manual's Table 2-4");
    for (v1::DataPoint::Metadata& metadata : *point.mutable_metadata()) {
      if (metadata.name() == "type") {
        metadata.set_value("custom");
        return;
      }
    }
    v1::DataPoint::Metadata& added = *point.add_metadata();
    added.set_name("type");
    added.set_value("custom");
    std::rotate(point.mutable_metadata()->begin(), point.mutable_metadata()->end() - 1,
                point.mutable_metadata()->end());
  }

  void ReadSecondPath(Fields& fields, v1::DataPoint& point) {
    const bool longitude = fields.Has("lng");
    const bool latitude = fields.Has("lat");
    if (!IsGps(point)) {
      for (const absl::string_view name : {"lng", "lat"}) {
        if (!fields.Has(name)) continue;
        fields.Warning(name, "a second path has no effect without meta_type=\"gps\"",
                       "write meta_type=\"gps\", or remove it");
      }
      return;
    }
    if (longitude == latitude) {
      fields.Error("meta_type",
                   longitude ? "the type gps has both lng and lat"
                             : "the type gps needs a second path, lng or lat",
                   "write <GNSS _=\"/GNSS/Latitude\" lng=\"/GNSS/Longitude\" meta_type=\"gps\"/>");
      return;
    }
    point.set_second_path(ReadPath(fields, longitude ? "lng" : "lat"));
    point.set_second_is_longitude(longitude);
  }

  v1::DataPoint::Origin Find(absl::string_view path, const Place& place) {
    const v1::DataPoint::Origin origin = origins_.Find(path);
    if (origin == v1::DataPoint::UNKNOWN) {
      unknown_paths_.Warning(
          place, absl::StrCat("nothing gives the value ", Quote(path), "; it is ", list_.unread),
          "mend the path, or configure the bus point or process variable in PROCCFG");
    }
    return origin;
  }

  const PointList& list_;
  const Origins& origins_;
  Problems& problems_;
  Problems& unknown_paths_;
};

const std::string* FindMetadata(const v1::DataPoint& point, absl::string_view name) {
  for (const v1::DataPoint::Metadata& metadata : point.metadata()) {
    if (metadata.name() == name) return &metadata.value();
  }
  return nullptr;
}

}  // namespace

void ReadDataPoints(const Node& element, const Place& place, const PointList& list,
                    const Origins& origins,
                    google::protobuf::RepeatedPtrField<v1::DataPoint>& points, Problems& problems,
                    Problems& unknown_paths) {
  PointReader reader(list, origins, problems, unknown_paths);
  absl::flat_hash_set<std::string> names;
  for (const Node& child : element.children) {
    const Place child_place = place.Child(child);
    if (!names.insert(child.name).second) {
      problems.Error(child_place,
                     absl::StrCat("the ", list.name, " has two data points named ", child.name),
                     "rename one of them");
    }
    reader.Read(child, child_place, *points.Add());
  }
}

bool IsGps(const v1::DataPoint& point) {
  const std::string* const type = FindMetadata(point, "type");
  return type != nullptr && *type == "gps";
}

bool HasVirtualDevice(const v1::DataPoint& point) {
  return FindMetadata(point, "virtual_device") != nullptr;
}

void Sensors::Note(const v1::DataPoint& point, absl::string_view list, const Place& place,
                   Problems& problems) {
  NotePath(point.path(), IsGps(point), list, place, problems);
  NotePath(point.second_path(), IsGps(point), list, place, problems);
}

void Sensors::NotePath(absl::string_view path, bool gps, absl::string_view list, const Place& place,
                       Problems& problems) {
  if (path.empty()) return;
  const std::string controller = tixml::ToXmlName(ControllerOf(path, gps));
  const std::string sensor = tixml::ToXmlName(LastLevel(path));
  const auto [found, added] =
      sensors_.try_emplace(absl::StrCat(controller, "/", sensor),
                           Sensor{std::string(path), std::string(list), place.path});
  if (added) return;
  if (found->second.path == path && found->second.list != list) {
    found->second.list = std::string(list);
    return;
  }
  problems.Error(
      place,
      absl::StrCat(Quote(path), " is sent as sensor ", sensor, " of controller ", controller,
                   ", and so is ", Quote(found->second.path), " of ", found->second.place),
      found->second.path == path ? "remove one of them" : "rename one of them");
}

std::string ControllerOf(absl::string_view path, bool gps) {
  absl::ConsumePrefix(&path, "/");
  const size_t end = gps ? path.find('/') : path.rfind('/');
  if (end == absl::string_view::npos) return "Get";
  return absl::StrReplaceAll(path.substr(0, end), {{"/", "_"}});
}

}  // namespace fieldgate::config_store
