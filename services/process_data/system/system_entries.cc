#include "services/process_data/system/system_entries.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/system_tree/paths.h"
#include "common/version/version.h"
#include "services/process_data/paths.h"
#include "services/process_data/system/system_times.h"
#include "services/process_data/value_tree.h"

namespace fieldgate::process_data {
namespace {

using config_store::v1::Device;

// What this firmware can do; the manual's example separates with CR LF.
constexpr absl::string_view kFeatures[] = {
    "Default", "MQTT Client", "Modbus TCP", "Simulated Bus", "Process Variables", "TiXML", "JSON",
};

constexpr absl::string_view kLicense[] = {"HW_Rev",   "Oem",       "OName",     "PClass",
                                          "ProdName", "LicenseID", "ProductID", "UDID"};

// The product name is asked for as this module (2.1.1).
constexpr absl::string_view kMainModule = "Modem0";

std::string Find(const google::protobuf::Map<std::string, std::string>& map,
                 absl::string_view key) {
  const auto it = map.find(std::string(key));
  return it == map.end() ? "" : it->second;
}

std::vector<std::pair<std::string, std::string>> Modules(const Device& device) {
  std::vector<std::pair<std::string, std::string>> modules;
  bool has_main = false;
  for (const Device::Module& module : device.modules()) {
    modules.emplace_back(module.name(), module.value());
    has_main |= module.name() == kMainModule;
  }
  if (!has_main) modules.emplace(modules.begin(), kMainModule, device.product_name());
  return modules;
}

class Builder {
 public:
  Builder(const Device& device, const SystemValues& values) : device_(device), values_(values) {}

  std::vector<SystemEntry> Build() {
    Hardware();
    Add("/Firmware/Version", kVersion);
    Add("/Firmware/Date", device_.firmware_date());
    Add("/Linux/SystemInfo", values_.system_info, kKernel);
    Add("/Linux/Uboot", device_.uboot());
    License();
    Branch("/EEProm");
    Branch(kRoot);
    AddNumber("/LogCounter/SupportLog", values_.support_log, kSupportLog);
    Gsm();
    Times();
    for (const char* name : {"Ethernet", "Ethernet2", "WLAN"}) Network(name);
    Add("/GPRSLinkState", HasMobileLink() ? "1" : "0", kNetwork);
    Add("/FreeFileSize", Text(values_.file_free), kStorage);
    Add("/FreeRAMSize", Text(values_.ram_free), kMemory);
    const std::string product_class = Find(device_.license(), "PClass");
    Add("/PNP_String", product_class.empty() ? device_.product_name() : product_class);
    Add("/FeatureList", absl::StrJoin(kFeatures, ",\r\n"));
    Add("/SerialNo", device_.serial_number());
    Add("/HardwareID", device_.hardware_id());
    Add("/Components", absl::StrJoin(Modules(device_), ";", absl::PairFormatter("=")));
    Mainboard();
    Aliases();
    return std::move(entries_);
  }

 private:
  using Kind = SystemEntry::Kind;

  template <typename T>
  static std::string Text(const std::optional<T>& number) {
    return number.has_value() ? absl::StrCat(*number) : "";
  }

  void Add(absl::string_view path, std::optional<std::string> value, Sources sources = kFixed) {
    entries_.push_back({Kind::kValue, std::string(path), std::move(value), sources});
  }
  // A number without which the hardware is not there.
  template <typename T>
  void AddNumber(absl::string_view path, const std::optional<T>& number, Sources sources) {
    Add(path, number.has_value() ? std::optional(Text(number)) : std::nullopt, sources);
  }
  void Branch(absl::string_view path) {
    entries_.push_back({Kind::kBranch, std::string(path), {}, kFixed});
  }

  void Hardware() {
    for (const auto& [name, value] : Modules(device_)) {
      Add(absl::StrCat(system_tree::kModules, "/", name), value);
    }
    Memory("/Hardware/RAM", values_.ram_size, kMemory);
    Memory("/Hardware/ROM", values_.rom_size, kStorage);
    AddNumber("/Hardware/FileSystem/Size", values_.file_size, kStorage);
    const bool known = values_.file_size.has_value();
    Add("/Hardware/FileSystem/Type", known ? std::optional(values_.file_system_type) : std::nullopt,
        kStorage);
    Attributes("/Hardware/FileSystem", known, kStorage);
  }

  void Memory(absl::string_view path, const std::optional<uint64_t>& size, Sources source) {
    AddNumber(absl::StrCat(path, "/Size"), size, source);
    Attributes(path, size.has_value(), source);
  }

  // None are known here, which is what 0 is in the manual's example.
  void Attributes(absl::string_view path, bool known, Sources source) {
    Add(absl::StrCat(path, "/Attributes"), known ? std::optional<std::string>("0") : std::nullopt,
        source);
  }

  void License() {
    for (const absl::string_view name : kLicense) {
      std::string text = Find(device_.license(), name);
      if (text.empty() && name == "ProdName") text = device_.product_name();
      Add(absl::StrCat("/LicenseRef/", name), std::move(text));
    }
  }

  bool HasMobileLink() const {
    const auto modem = values_.interfaces.find("MODEM");
    return modem != values_.interfaces.end() && modem->second.link &&
           !modem->second.address.empty();
  }

  void Gsm() {
    Branch("/GSM/SM");
    Branch("/GSM/FD");
    const bool modem = values_.interfaces.count("MODEM") > 0;
    Add("/GSM/State",
        !modem            ? "no modem"
        : HasMobileLink() ? "connected"
                          : "not connected",
        kNetwork);
  }

  void Times() {
    for (auto& [name, text] :
         SystemTimes(values_.now, values_.zone, values_.power_off, values_.power_on)) {
      Add(absl::StrCat("/TIMES/", name), std::move(text), kTimes);
    }
  }

  void Network(const std::string& name) {
    const auto it = values_.interfaces.find(name);
    const NetworkInterface* const i = it == values_.interfaces.end() ? nullptr : &it->second;
    const auto add = [&](absl::string_view leaf, const std::string& text) {
      Add(absl::StrCat("/", name, "/", leaf), i == nullptr ? std::nullopt : std::optional(text),
          kNetwork);
    };
    static const NetworkInterface& absent = *new NetworkInterface;
    const NetworkInterface& shown = i == nullptr ? absent : *i;
    add("Link", shown.speed);
    add("LinkState", shown.link ? "1" : "0");
    add("AssignedIP", shown.address);
    add("SubnetMask", shown.netmask);
    add("MAC", shown.mac);
    add("Gateway", shown.gateway);
    add("DNS_1", shown.dns);
  }

  void Mainboard() {
    const auto add = [this](absl::string_view name, std::optional<std::string> value) {
      entries_.push_back({Kind::kMainboard, absl::StrCat(kMainboard, "/", name), std::move(value),
                          kMainboardSource});
    };
    add("MaxCycleTime", absl::StrCat(absl::ToInt64Milliseconds(values_.longest_cycle)));
    add("CycleTime", absl::StrCat(absl::ToInt64Milliseconds(values_.cycle)));
    const bool has_led =
        !device_.signal_led().green().empty() || !device_.signal_led().red().empty();
    add("SignalLED", has_led ? std::optional(values_.signal_led) : std::nullopt);
    add("CPULoad", Text(values_.cpu_load));
  }

  void Aliases() {
    for (const system_tree::Alias& alias : system_tree::kAliases) {
      const auto it =
          std::find_if(entries_.begin(), entries_.end(),
                       [&alias](const SystemEntry& entry) { return entry.path == alias.value; });
      SystemEntry entry = *it;
      entry.kind = Kind::kAlias;
      entry.path = std::string(alias.path);
      entries_.push_back(std::move(entry));
    }
  }

  const Device& device_;
  const SystemValues& values_;
  std::vector<SystemEntry> entries_;
};

}  // namespace

std::vector<SystemEntry> SystemEntries(const Device& device, const SystemValues& values) {
  return Builder(device, values).Build();
}

Sources SourcesAt(const std::vector<SystemEntry>& entries, absl::string_view path) {
  Sources sources = kFixed;
  for (const SystemEntry& entry : entries) {
    if (IsWithin(entry.path, path)) sources |= entry.sources;
  }
  return sources;
}

tixml::v1::Node BuildSystemTree(const std::vector<SystemEntry>& entries,
                                const std::vector<ProcessImage::Reading>& process) {
  tixml::v1::Node root;
  root.set_name("SYSTEM");
  TreeBuilder tree("", root);
  for (const SystemEntry& entry : entries) {
    switch (entry.kind) {
      case SystemEntry::Kind::kValue:
        if (entry.value.has_value()) {
          tree.Put(entry.path, *entry.value);
        } else {
          tree.At(ParentPath(entry.path));
        }
        break;
      case SystemEntry::Kind::kBranch:
        tree.At(entry.path);
        break;
      case SystemEntry::Kind::kAlias:
      case SystemEntry::Kind::kMainboard:
        break;
    }
  }
  // Its element has its place already.
  for (const ProcessImage::Reading& reading : process) tree.Put(reading.path, reading.text);
  return root;
}

}  // namespace fieldgate::process_data
