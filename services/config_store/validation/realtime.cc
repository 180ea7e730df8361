#include "services/config_store/validation/realtime.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/tixml/codec.h"
#include "common/value/value.h"
#include "services/config_store/validation/formats.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;

constexpr int kSections = 5;                                // manual 7.3
constexpr int64_t kDefaultSendMs = 3'000;                   // manual 7
constexpr int64_t kMinMs = 10;                              // below, a poll is slower
constexpr int64_t kMaxSendMs = (int64_t{1} << 30) * 1'000;  // manual 7
constexpr int64_t kMaxUpdateMs = 3'600'000;                 // manual 7.2
constexpr int64_t kDefaultUpdateMs = 1'000;

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

class SectionReader {
 public:
  SectionReader(const Origins& origins, v1::Connector& connector, Problems& problems,
                Problems& unknown_paths)
      : origins_(origins),
        connector_(connector),
        problems_(problems),
        unknown_paths_(unknown_paths) {}

  void ReadPoints(const Node& element, const Place& place, v1::RealtimeSection& section) {
    absl::flat_hash_set<std::string> names;
    for (const Node& child : element.children) {
      const Place child_place = place.Child(child);
      if (!names.insert(child.name).second) {
        problems_.Error(child_place,
                        absl::StrCat("the section has two data points named ", child.name),
                        "rename one of them");
      }
      ReadPoint(child, child_place, section);
    }
  }

 private:
  void ReadPoint(const Node& element, const Place& place, v1::RealtimeSection& section) {
    Fields fields(Fields::Of::kAttributes, element, place, problems_);
    v1::DataPoint& point = *section.add_points();
    point.set_name(element.name);
    fields.Require("_", absl::StrCat("<", element.name, " _=\"/Process/...\"/>"));
    point.set_path(fields.Path("_"));
    ReadHysteresis(fields, point);
    const bool gps = ReadMetadata(element, fields, place, point);
    ReadSecondPath(fields, gps, point);
    fields.WarnAboutUnknown();

    point.set_origin(point.path().empty() ? v1::DataPoint::UNKNOWN : Find(point.path(), place));
    if (!point.second_path().empty()) Find(point.second_path(), place);
    NoteSensor(point.path(), gps, section.number(), place);
    NoteSensor(point.second_path(), gps, section.number(), place);
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

  // True: the point is of the type gps.
  bool ReadMetadata(const Node& element, Fields& fields, const Place& place, v1::DataPoint& point) {
    std::string type;
    bool has_virtual_device = false;
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
      if (name == "virtual_device") has_virtual_device = true;
      v1::DataPoint::Metadata& metadata = *point.add_metadata();
      metadata.set_name(name);
      metadata.set_value(a.value);
    }
    if (type.empty()) AddCustomType(place, point);
    if (connector_.virtual_devices() && !has_virtual_device) {
      problems_.Error(place, "meta_virtual_device is missing, which virtual_devices=1 requires",
                      "write meta_virtual_device=\"NAME\" at every data point, or set "
                      "virtual_devices to 0");
    }
    return type == "gps";
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

  void ReadSecondPath(Fields& fields, bool gps, v1::DataPoint& point) {
    const bool longitude = fields.Has("lng");
    const bool latitude = fields.Has("lat");
    if (!gps) {
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
    point.set_second_path(fields.Path(longitude ? "lng" : "lat"));
    point.set_second_is_longitude(longitude);
  }

  v1::DataPoint::Origin Find(absl::string_view path, const Place& place) {
    const v1::DataPoint::Origin origin = origins_.Find(path);
    if (origin == v1::DataPoint::UNKNOWN) {
      unknown_paths_.Warning(
          place, absl::StrCat("nothing gives the value ", Quote(path), "; it is sent as invalid"),
          "mend the path, or configure the bus point or process variable in PROCCFG");
    }
    return origin;
  }

  // A body names a sensor by controller and id, as XML names (PROTOCOL §1): two
  // paths must not become the same, nor a path stand in one body twice.
  void NoteSensor(absl::string_view path, bool gps, int section, const Place& place) {
    if (path.empty()) return;
    const std::string controller = tixml::ToXmlName(ControllerOf(path, gps));
    const std::string sensor = tixml::ToXmlName(LastLevel(path));
    const auto [found, added] = sensors_.try_emplace(
        absl::StrCat(controller, "/", sensor), Sensor{std::string(path), section, place.path});
    if (added) return;
    if (found->second.path == path && found->second.section != section) {
      found->second.section = section;
      return;
    }
    problems_.Error(
        place,
        absl::StrCat(Quote(path), " is sent as sensor ", sensor, " of controller ", controller,
                     ", and so is ", Quote(found->second.path), " of ", found->second.place),
        found->second.path == path ? "remove one of them" : "rename one of them");
  }

  struct Sensor {
    std::string path;
    int section;  // the last one that has it
    std::string place;
  };

  const Origins& origins_;
  v1::Connector& connector_;
  Problems& problems_;
  Problems& unknown_paths_;
  absl::flat_hash_map<std::string, Sensor> sensors_;
};

// RTSendTime6, Realtime0 ...
void RefuseOtherSections(Fields& settings) {
  for (const std::string& name : settings.Names()) {
    for (const absl::string_view family : {"RTSendTime", "UpdateRate", "Realtime"}) {
      absl::string_view number = name;
      if (!absl::StartsWithIgnoreCase(name, family)) continue;
      number.remove_prefix(family.size());
      const bool digits = !number.empty() && std::all_of(number.begin(), number.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      });
      if (!digits || (number.size() == 1 && number >= "1" && number <= "5")) continue;
      settings.Text(name);  // known
      settings.Error(name, absl::StrCat("there is no realtime section ", number),
                     absl::StrCat("use the sections 1 to ", kSections));
    }
  }
}

void ReadUpdateRate(Fields& settings, const std::string& name, v1::RealtimeSection& section) {
  section.set_update_period_ms(kDefaultUpdateMs);
  const std::string* const text = settings.Text(name);
  if (text == nullptr) {
    settings.Warning(absl::StrCat("RTSendTime", section.number()),
                     absl::StrCat(name, " is missing; 1 s is used"),
                     absl::StrCat("write <", name, " _=\"1\"/>"));
    return;
  }
  const std::optional<int64_t> ms = ParseDecimal(*text, 3);
  if (ms.has_value() && (*ms == 0 || (*ms >= kMinMs && *ms <= kMaxUpdateMs))) {
    section.set_update_period_ms(static_cast<uint64_t>(*ms));
    return;
  }
  settings.Error(
      name, absl::StrCat(Quote(*text), ms ? " is out of range" : " is not a number of seconds"),
      "write a number from 0.01 to 3600, with at most three decimals, or 0 to check "
      "each value as it comes");
}

// RTSendTimeN and UpdateRateN.
void ReadTrigger(Fields& settings, v1::RealtimeSection& section) {
  const std::string send = absl::StrCat("RTSendTime", section.number());
  const std::string update = absl::StrCat("UpdateRate", section.number());
  const std::string* const text = settings.Text(send);
  if (text != nullptr && *text == "-1") return ReadUpdateRate(settings, update, section);

  section.set_send_period_ms(kDefaultSendMs);
  if (settings.Has(update)) {
    settings.Warning(update, absl::StrCat(update, " has no effect without ", send, " -1"),
                     absl::StrCat("write <", send, " _=\"-1\"/>, or remove it"));
  }
  if (text == nullptr) return;
  const std::optional<int64_t> ms = ParseDecimal(*text, 3);
  if (ms.has_value() && *ms >= kMinMs && *ms <= kMaxSendMs) {
    section.set_send_period_ms(static_cast<uint64_t>(*ms));
    return;
  }
  settings.Error(
      send, absl::StrCat(Quote(*text), ms ? " is out of range" : " is not a number of seconds"),
      "write a number from 0.01 to 1073741824, with at most three decimals, or -1 to "
      "send what changes");
}

}  // namespace

void ReadRealtimeSections(Fields& settings, const Origins& origins, v1::Connector& connector,
                          Problems& problems, Problems& unknown_paths) {
  SectionReader reader(origins, connector, problems, unknown_paths);
  for (int number = 1; number <= kSections; ++number) {
    const std::string name = absl::StrCat("Realtime", number);
    const Node* const element = settings.Element(name);
    if (element == nullptr) {
      for (const absl::string_view family : {"RTSendTime", "UpdateRate"}) {
        const std::string setting = absl::StrCat(family, number);
        if (!settings.Has(setting)) continue;
        settings.Warning(setting, absl::StrCat("it has no effect without the section ", name),
                         absl::StrCat("add <", name, ">, or remove it"));
      }
      v1::RealtimeSection unused;  // a wrong number is wrong without effect, too
      unused.set_number(number);
      if (settings.Has(absl::StrCat("RTSendTime", number))) ReadTrigger(settings, unused);
      continue;
    }
    v1::RealtimeSection& section = *connector.add_sections();
    section.set_number(number);
    ReadTrigger(settings, section);
    reader.ReadPoints(*element, settings.At(name), section);
  }
  RefuseOtherSections(settings);
}

std::string ControllerOf(absl::string_view path, bool gps) {
  absl::ConsumePrefix(&path, "/");
  const size_t end = gps ? path.find('/') : path.rfind('/');
  if (end == absl::string_view::npos) return "Get";
  return absl::StrReplaceAll(path.substr(0, end), {{"/", "_"}});
}

}  // namespace fieldgate::config_store
