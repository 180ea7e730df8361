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

// Logs of the manual's example that this firmware has no reason to write.
constexpr absl::string_view kNeverLogged = "0";

constexpr absl::string_view kLicense[] = {"HW_Rev",   "Oem",       "OName",     "PClass",
                                          "ProdName", "LicenseID", "ProductID", "UDID"};

// The product name is asked for as this module (2.1.1).
constexpr absl::string_view kMainModule = "Modem0";
// These the modem tells itself where device.json does not.
constexpr absl::string_view kGsmModule = "GsmModule";
constexpr absl::string_view kGsmVersion = "ModuleVer";

constexpr char kConnected[] = "connected";  // /GSM/State
constexpr absl::string_view kEthernetPolling = "ETHPollActive";

// Elements of /Process that the manual's example has before the process
// variables, in its order, whether there is something in them or not.
constexpr absl::string_view kConnections[] = {"VPN",        "HTTPConn",   "CloudConn",
                                              "CloudConn2", "CloudConn3", "IBMConn"};

// Elements of /GSM, apart from those of the example.
constexpr std::pair<absl::string_view, std::string Modem::*> kModemValues[] = {
    {"IMEI", &Modem::imei},         {"IMSI", &Modem::imsi},       {"SIMID", &Modem::sim_id},
    {"Provider", &Modem::provider}, {"Service", &Modem::service}, {"Quality", &Modem::quality},
    {"RSSI", &Modem::rssi},         {"RSRP", &Modem::rsrp},       {"CELLID", &Modem::cell_id},
};

std::string Find(const google::protobuf::Map<std::string, std::string>& map,
                 absl::string_view key) {
  const auto it = map.find(std::string(key));
  return it == map.end() ? "" : it->second;
}

struct Module {
  std::string name;
  std::optional<std::string> value;
  Sources sources = kFixed;
};

// Those of device.json, after the main module and the modem's.
std::vector<Module> Modules(const Device& device, const ModemReport& modem) {
  std::vector<Module> modules;
  for (const Device::Module& module : device.modules()) {
    modules.push_back({module.name(), module.value()});
  }
  const auto find = [&modules](absl::string_view name) {
    return std::find_if(modules.begin(), modules.end(),
                        [name](const Module& module) { return module.name == name; });
  };
  if (find(kMainModule) == modules.end()) {
    modules.insert(modules.begin(), {std::string(kMainModule), device.product_name()});
  }
  const bool has_modem = modem.kind == ModemReport::Kind::kPresent;
  for (const auto& [name, after, value] :
       {std::tuple(kGsmModule, kMainModule, &modem.modem.model),
        std::tuple(kGsmVersion, kGsmModule, &modem.modem.revision)}) {
    if (find(name) != modules.end()) continue;
    const bool known = has_modem && !value->empty();
    modules.insert(find(after) + 1,
                   {std::string(name), known ? std::optional(*value) : std::nullopt, kModemSource});
  }
  return modules;
}

std::string Components(const std::vector<Module>& modules) {
  std::vector<std::string> present;
  for (const Module& module : modules) {
    if (module.value.has_value()) present.push_back(absl::StrCat(module.name, "=", *module.value));
  }
  return absl::StrJoin(present, ";");
}

Sources SourcesOf(const std::vector<Module>& modules) {
  Sources sources = kFixed;
  for (const Module& module : modules) sources |= module.sources;
  return sources;
}

// What an interface needs to carry something.
bool IsUp(const SystemValues& values, const char* use) {
  const auto it = values.interfaces.find(use);
  return it != values.interfaces.end() && it->second.link && !it->second.address.empty();
}

class Builder {
 public:
  Builder(const Device& device, const SystemValues& values)
      : device_(device), values_(values), modules_(Modules(device, values.modem)) {}

  std::vector<SystemEntry> Build() {
    Hardware();
    Add("/Firmware/Version", kVersion);
    Add("/Firmware/Date", device_.firmware_date());
    Add("/Linux/SystemInfo", values_.system_info, kKernel);
    Add("/Linux/Uboot", device_.uboot());
    License();
    Add("/EEProm/LED0", SignalLed(), kMainboardSource);
    Branch(kRoot);
    LogCounters();
    Gsm();
    Times();
    for (const char* name : {"Ethernet", "Ethernet2", "WLAN"}) Network(name);
    Add("/GPRSLinkState", GsmState() == kConnected ? "1" : "0", kNetwork | kModemSource);
    Add("/FreeFileSize", Text(values_.file_free), kStorage);
    Add("/FreeRAMSize", Text(values_.ram_free), kMemory);
    const std::string product_class = Find(device_.license(), "PClass");
    Add("/PNP_String", product_class.empty() ? device_.product_name() : product_class);
    Add("/FeatureList", absl::StrJoin(kFeatures, ",\r\n"));
    Add("/SerialNo", device_.serial_number());
    Add("/HardwareID", device_.hardware_id());
    Add("/Components", Components(modules_), SourcesOf(modules_));
    Process();
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
    for (const Module& module : modules_) {
      Add(absl::StrCat(system_tree::kModules, "/", module.name), module.value, module.sources);
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

  std::optional<std::string> SignalLed() const {
    const config_store::v1::SignalLed& led = device_.signal_led();
    const bool none = led.green().empty() && led.red().empty();
    return none ? std::nullopt : std::optional(values_.signal_led);
  }

  void LogCounters() {
    const std::string never(kNeverLogged);
    const auto add = [this](const std::string& log) {
      const auto count = values_.log_counters.find(log);
      const bool known = count != values_.log_counters.end();
      Add(absl::StrCat("/LogCounter/", log), known ? absl::StrCat(count->second) : "",
          kLogCounters);
    };
    add("JobReport");
    add("Event");
    add("Login");
    Add("/LogCounter/IncomingMessage", never);
    Add("/LogCounter/FailedIncomingCall", never);
    add("SupportLog");
    Add("/LogCounter/FatalSystemError", never);
  }

  // A modem that nobody manages may still have an interface.
  std::string GsmState() const {
    if (values_.modem.kind == ModemReport::Kind::kPresent) return values_.modem.modem.state;
    if (values_.interfaces.count("MODEM") > 0) {
      return IsUp(values_, "MODEM") ? kConnected : "not connected";
    }
    return values_.modem.kind == ModemReport::Kind::kUnknown ? "unknown" : "no modem";
  }

  void Gsm() {
    Branch("/GSM/SM");
    Branch("/GSM/FD");
    Add("/GSM/State", GsmState(), kNetwork | kModemSource);
    const bool present = values_.modem.kind == ModemReport::Kind::kPresent;
    for (const auto& [name, member] : kModemValues) {
      Add(absl::StrCat("/GSM/", name),
          present ? std::optional(values_.modem.modem.*member) : std::nullopt, kModemSource);
    }
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

  void Process() {
    for (const absl::string_view name : kConnections) {
      entries_.push_back({Kind::kProcessBranch, absl::StrCat(kRoot, "/", name)});
    }
    entries_.push_back({Kind::kProcessBranch, kVariables});
    const bool has_vpn = device_.interfaces().count("VPN") > 0;
    AddProcess(
        "VPN/ConnectionState",
        has_vpn ? std::optional<std::string>(IsUp(values_, "VPN") ? "1" : "0") : std::nullopt,
        kNetwork);
    const PollingStatus& polling = values_.polling;
    AddProcess("MB/FirstCycle", polling.first_cycle ? "1" : "0", kMainboardSource);
    AddProcess("MB/MaxCycleTime", Milliseconds(polling.longest_cycle), kMainboardSource);
    AddProcess("MB/CycleTime", Milliseconds(polling.last_cycle), kMainboardSource);
    AddProcess("MB/SignalLED", SignalLed(), kMainboardSource);
    AddProcess("MB/CPULoad", Text(values_.cpu_load), kMainboardSource);
    for (const absl::string_view name : system_tree::kPollActive) {
      // There are no drivers for the serial ones.
      const bool active = name == kEthernetPolling && polling.ethernet;
      AddProcess(name, active ? "1" : "0", kMainboardSource);
    }
  }

  static std::string Milliseconds(absl::Duration time) {
    return absl::StrCat(absl::ToInt64Milliseconds(time));
  }

  void AddProcess(absl::string_view path, std::optional<std::string> value, Sources sources) {
    entries_.push_back({Kind::kProcess, absl::StrCat(kRoot, "/", path), std::move(value), sources});
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
  const std::vector<Module> modules_;
  std::vector<SystemEntry> entries_;
};

// As BuildProcessTree.
void PutProcess(absl::string_view path, const std::vector<SystemEntry>& entries,
                const std::vector<ProcessImage::Reading>& readings, TreeBuilder& tree) {
  using Owner = ProcessImage::Reading::Owner;
  std::vector<absl::string_view> absent;  // few
  for (const SystemEntry& entry : entries) {
    const bool empty = entry.kind == SystemEntry::Kind::kProcess && !entry.value.has_value();
    if (empty && entry.path != path) absent.push_back(entry.path);
  }
  const auto put = [&](Owner owner) {
    for (const ProcessImage::Reading& reading : readings) {
      if (reading.owner != owner) continue;
      if (std::find(absent.begin(), absent.end(), reading.path) == absent.end()) {
        tree.Put(reading.path, reading.text);
      } else {
        tree.At(ParentPath(reading.path));
      }
    }
  };
  const auto put_branches = [&](bool variables) {
    for (const SystemEntry& entry : entries) {
      const bool wanted = entry.kind == SystemEntry::Kind::kProcessBranch &&
                          (entry.path == kVariables) == variables && IsWithin(entry.path, path);
      if (wanted) tree.At(entry.path);
    }
  };
  put(Owner::kDevice);
  put_branches(/*variables=*/false);
  put(Owner::kReport);
  put_branches(/*variables=*/true);
  put(Owner::kSelf);
}

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

tixml::v1::Node BuildProcessTree(absl::string_view path, const std::vector<SystemEntry>& entries,
                                 const std::vector<ProcessImage::Reading>& readings) {
  tixml::v1::Node root;
  root.set_name(std::string(path.substr(path.rfind('/') + 1)));
  TreeBuilder tree(path, root);
  PutProcess(path, entries, readings, tree);
  return root;
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
      case SystemEntry::Kind::kProcess:
      case SystemEntry::Kind::kProcessBranch:
        break;
    }
  }
  // Its element has its place already.
  PutProcess(kRoot, entries, process, tree);
  return root;
}

}  // namespace fieldgate::process_data
