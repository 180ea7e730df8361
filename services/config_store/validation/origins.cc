#include "services/config_store/validation/origins.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/system_tree/paths.h"

namespace fieldgate::config_store {
namespace {

constexpr absl::string_view kReserved[] = {
    "PV",      "Program", "MB",       "CloudConn", "CloudConn2", "CloudConn3", "VPN",
    "OneWire", "SysIO",   "HTTPConn", "IBMConn",   "GNSS",       "Log"};

// Values of the type gps (manual 7.1).
constexpr absl::string_view kPosition = "/GNSS/";

// "C540", "C03e": an expansion module by its address (manual Table 2-1).
bool IsExpansionModule(absl::string_view branch) {
  return branch.size() == 4 && branch[0] == 'C' &&
         std::all_of(branch.begin() + 1, branch.end(),
                     [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
}

}  // namespace

bool IsReservedBranch(absl::string_view name) {
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

Origins::Origins(const v1::Acquisition& acquisition) {
  for (const v1::Bus& bus : acquisition.buses()) {
    for (const v1::BusDevice& device : bus.devices()) {
      const std::string prefix = absl::StrCat("/Process/", bus.name(), "/", device.name(), "/");
      paths_[prefix + "DeviceState"] = v1::DataPoint::OTHER;
      paths_[prefix + "ChangeToggle"] = v1::DataPoint::OTHER;
      for (const v1::BusPoint& point : device.points()) {
        paths_[prefix + point.name()] = v1::DataPoint::BUS;
      }
    }
  }
  for (const v1::ProcessVariable& variable : acquisition.process_variables()) {
    paths_["/Process/PV/" + variable.name()] = v1::DataPoint::OTHER;
  }
}

v1::DataPoint::Origin Origins::Find(absl::string_view path) const {
  const auto found = paths_.find(path);
  if (found != paths_.end()) return found->second;
  constexpr absl::string_view kProcess = "/Process/";
  if (!absl::StartsWith(path, kProcess)) {
    const bool known = system_tree::IsValue(path) || absl::StartsWith(path, kPosition);
    return known ? v1::DataPoint::OTHER : v1::DataPoint::UNKNOWN;
  }
  const absl::string_view rest = path.substr(kProcess.size());
  const size_t slash = rest.find('/');
  const absl::string_view branch = rest.substr(0, slash);
  const bool system = slash != absl::string_view::npos && branch != "PV" &&
                      (IsReservedBranch(branch) || IsExpansionModule(branch));
  return system ? v1::DataPoint::OTHER : v1::DataPoint::UNKNOWN;
}

}  // namespace fieldgate::config_store
