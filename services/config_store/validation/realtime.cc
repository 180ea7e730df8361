#include "services/config_store/validation/realtime.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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

constexpr PointList kSectionPoints = {
    .name = "section", .unread = "sent as invalid", .hysteresis = true};

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
                          Sensors& sensors, Problems& problems, Problems& unknown_paths) {
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
    const Place place = settings.At(name);
    ReadDataPoints(*element, place, kSectionPoints, origins, *section.mutable_points(), problems,
                   unknown_paths);
    for (int i = 0; i < section.points_size(); ++i) {
      const Place point_place = place.Child(element->children[static_cast<size_t>(i)]);
      if (connector.virtual_devices() && !HasVirtualDevice(section.points(i))) {
        problems.Error(point_place,
                       "meta_virtual_device is missing, which virtual_devices=1 requires",
                       "write meta_virtual_device=\"NAME\" at every data point, or set "
                       "virtual_devices to 0");
      }
      sensors.Note(section.points(i), name, point_place, problems);
    }
  }
  settings.RefuseOtherNumbers({"RTSendTime", "UpdateRate", "Realtime"}, kSections,
                              "realtime section");
}

}  // namespace fieldgate::config_store
