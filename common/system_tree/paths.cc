#include "common/system_tree/paths.h"

#include <algorithm>

#include "absl/strings/strip.h"

namespace fieldgate::system_tree {
namespace {

constexpr absl::string_view kValues[] = {
    "/Hardware/RAM/Size",
    "/Hardware/RAM/Attributes",
    "/Hardware/ROM/Size",
    "/Hardware/ROM/Attributes",
    "/Hardware/FileSystem/Size",
    "/Hardware/FileSystem/Type",
    "/Hardware/FileSystem/Attributes",
    "/Firmware/Version",
    "/Firmware/Date",
    "/Linux/SystemInfo",
    "/Linux/Uboot",
    "/LicenseRef/HW_Rev",
    "/LicenseRef/Oem",
    "/LicenseRef/OName",
    "/LicenseRef/PClass",
    "/LicenseRef/ProdName",
    "/LicenseRef/LicenseID",
    "/LicenseRef/ProductID",
    "/LicenseRef/UDID",
    "/EEProm/LED0",
    "/LogCounter/JobReport",
    "/LogCounter/Event",
    "/LogCounter/Login",
    "/LogCounter/IncomingMessage",
    "/LogCounter/FailedIncomingCall",
    "/LogCounter/SupportLog",
    "/LogCounter/FatalSystemError",
    "/GSM/State",
    "/GSM/IMEI",
    "/GSM/IMSI",
    "/GSM/SIMID",
    "/GSM/Provider",
    "/GSM/Service",
    "/GSM/Quality",
    "/GSM/RSSI",
    "/GSM/RSRP",
    "/GSM/CELLID",
    "/TIMES/TIME",
    "/TIMES/DATE",
    "/TIMES/RFC822DATE",
    "/TIMES/ISO8601DATE",
    "/TIMES/PowerOffTime",
    "/TIMES/PowerOnTime",
    "/TIMES/DAYOFWEEK",
    "/TIMES/DAYOFWEEKNO",
    "/TIMES/YYYY_MM_DD",
    "/TIMES/HH_MM_SS",
    "/TIMES/HEXDATE",
    "/TIMES/YYMM",
    "/Ethernet/Link",
    "/Ethernet/LinkState",
    "/Ethernet/AssignedIP",
    "/Ethernet/SubnetMask",
    "/Ethernet/MAC",
    "/Ethernet/Gateway",
    "/Ethernet/DNS_1",
    "/Ethernet2/Link",
    "/Ethernet2/LinkState",
    "/Ethernet2/AssignedIP",
    "/Ethernet2/SubnetMask",
    "/Ethernet2/MAC",
    "/Ethernet2/Gateway",
    "/Ethernet2/DNS_1",
    "/WLAN/Link",
    "/WLAN/LinkState",
    "/WLAN/AssignedIP",
    "/WLAN/SubnetMask",
    "/WLAN/MAC",
    "/WLAN/Gateway",
    "/WLAN/DNS_1",
    "/GPRSLinkState",
    "/FreeFileSize",
    "/FreeRAMSize",
    "/PNP_String",
    "/FeatureList",
    "/SerialNo",
    "/HardwareID",
    "/Components",
};

// Those of the example, of the type gps (manual 7.1), and what events and logs show.
constexpr absl::string_view kProcessBranches[] = {
    "OneWire", "VPN",     "HTTPConn", "CloudConn", "CloudConn2", "CloudConn3", "IBMConn",
    "PV",      "Program", "MB",       "SysIO",     "GNSS",       "Events",     "Log",
};

bool Contains(absl::Span<const absl::string_view> all, absl::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

bool IsModule(absl::string_view path) {
  return absl::ConsumePrefix(&path, kModules) && absl::ConsumePrefix(&path, "/") && !path.empty() &&
         path.find('/') == absl::string_view::npos;
}

}  // namespace

absl::Span<const absl::string_view> Values() { return kValues; }

bool IsPollActive(absl::string_view name) { return Contains(kPollActive, name); }

bool IsProcessName(absl::string_view name) {
  return IsPollActive(name) || Contains(kProcessBranches, name);
}

bool IsValue(absl::string_view path) {
  return IsModule(path) || Contains(kValues, path) ||
         std::any_of(std::begin(kAliases), std::end(kAliases),
                     [path](const Alias& alias) { return alias.path == path; });
}

}  // namespace fieldgate::system_tree
