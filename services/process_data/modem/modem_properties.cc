#include "services/process_data/modem/modem_properties.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

// The numbers are those of ModemManager's API.
namespace fieldgate::process_data {
namespace {

constexpr char kModemState[] = "Modem.State";
constexpr char kCell[] = "Modem.Location.Location.1";  // 3GPP location area and cell
constexpr uint32_t kCellSource = 1;                    // its bit in Modem.Location.Enabled

// MMModemState
constexpr int kFailed = -1;
constexpr int kLocked = 2;
constexpr int kEnabled = 6;
constexpr int kSearching = 7;
constexpr const char* kStates[] = {
    "unknown", "initializing", "locked",     "disabled",      "disabling",  "enabling",
    "enabled", "searching",    "registered", "disconnecting", "connecting", "connected",
};

std::string FailureText(uint32_t reason) {  // MMModemStateFailedReason
  switch (reason) {
    case 2:
      return "missing SIM Card";  // as the manual's example has it
    case 3:
      return "SIM error";
    case 5:
      return "eSIM without profile";
    default:
      return "failed";
  }
}

std::string LockText(uint32_t lock) {  // MMModemLock
  switch (lock) {
    case 2:
      return "SIM PIN required";
    case 4:
      return "SIM PUK required";
    default:
      return "locked";
  }
}

uint32_t Number(const Properties& properties, absl::string_view name) {
  uint32_t number = 0;
  return absl::SimpleAtoi(Find(properties, name), &number) ? number : 0;
}

// MMModem3gppRegistrationState: the network does not take this SIM.
bool IsDenied(const Properties& modem) {
  return Number(modem, "Modem.Modem3gpp.RegistrationState") == 3;
}

std::string StateText(int state, const Properties& modem) {
  if (state == kFailed) return FailureText(Number(modem, "Modem.StateFailedReason"));
  if (state == kLocked) return LockText(Number(modem, "Modem.UnlockRequired"));
  if ((state == kEnabled || state == kSearching) && IsDenied(modem)) return "registration denied";
  if (state < 0 || state >= static_cast<int>(std::size(kStates))) return kStates[0];
  return kStates[state];
}

// The newest of the technologies in use; with 5G over LTE both are.
std::string ServiceText(uint32_t technologies) {  // MMModemAccessTechnology
  constexpr std::pair<uint32_t, const char*> kServices[] = {
      {1u << 15, "5G"},      {1u << 14, "LTE"},    {1u << 16, "LTE-M"},
      {1u << 17, "NB-IoT"},  {0x1fu << 5, "UMTS"},  // and HSDPA, HSUPA, HSPA, HSPA+
      {0x0fu << 1, "GSM"},                          // and GPRS, EDGE
      {0x0fu << 10, "CDMA"},
  };
  for (const auto& [bits, text] : kServices) {
    if (technologies & bits) return text;
  }
  return "";
}

// Of the technology that has it; ModemManager measures only when told to.
std::string Signal(const Properties& modem, absl::string_view name) {
  for (const char* technology : {"Nr5g", "Lte", "Umts", "Gsm"}) {
    std::string text = Find(modem, absl::StrCat("Modem.Signal.", technology, ".", name));
    if (!text.empty()) return text;
  }
  return "";
}

// 0 that was not measured lately is no measurement.
std::string QualityText(const Properties& modem) {
  std::string percent = Find(modem, "Modem.SignalQuality.0");
  const bool recent = Find(modem, "Modem.SignalQuality.1") == "1";
  return percent == "0" && !recent ? "" : percent;
}

// The fourth of "MCC,MNC,LAC,CI,TAC", which is hexadecimal.
std::string CellText(absl::string_view location) {
  const std::vector<absl::string_view> fields = absl::StrSplit(location, ',');
  uint64_t cell = 0;
  if (fields.size() < 4 || !absl::SimpleHexAtoi(fields[3], &cell) || cell == 0) return "";
  return absl::StrCat(cell);
}

bool HasPort(const Properties& modem, absl::string_view interface) {
  const auto first = modem.lower_bound("Modem.Ports.");
  for (auto it = first; it != modem.end() && absl::StartsWith(it->first, "Modem.Ports."); ++it) {
    if (absl::EndsWith(it->first, ".0") && it->second == interface) return true;
  }
  return false;
}

std::string FirstOf(std::string text, std::string other) { return text.empty() ? other : text; }

}  // namespace

std::string Find(const Properties& properties, absl::string_view name) {
  const auto it = properties.find(std::string(name));
  return it == properties.end() ? "" : it->second;
}

std::string ChooseModem(const Objects& objects, absl::string_view interface) {
  std::string chosen;
  for (const auto& [path, properties] : objects) {
    if (properties.count(kModemState) == 0) continue;
    if (!interface.empty() && HasPort(properties, interface)) return path;
    // Modem/2 goes before Modem/10.
    if (chosen.empty() || std::pair(path.size(), path) < std::pair(chosen.size(), chosen)) {
      chosen = path;
    }
  }
  return chosen;
}

bool MustAskForCell(const Properties& modem) {
  return (Number(modem, "Modem.Location.Enabled") & kCellSource) != 0 && modem.count(kCell) == 0;
}

Modem ToModem(const Properties& modem, const Properties& sim) {
  int state = 0;
  if (!absl::SimpleAtoi(Find(modem, kModemState), &state)) state = 0;
  return {
      .state = StateText(state, modem),
      .model = Find(modem, "Modem.Model"),
      .revision = Find(modem, "Modem.Revision"),
      .imei =
          FirstOf(Find(modem, "Modem.Modem3gpp.Imei"), Find(modem, "Modem.EquipmentIdentifier")),
      .imsi = Find(sim, "Sim.Imsi"),
      .sim_id = Find(sim, "Sim.SimIdentifier"),
      .provider = FirstOf(Find(modem, "Modem.Modem3gpp.OperatorName"),
                          Find(modem, "Modem.Modem3gpp.OperatorCode")),
      .quality = QualityText(modem),
      .rssi = Signal(modem, "rssi"),
      .rsrp = Signal(modem, "rsrp"),
      .service = ServiceText(Number(modem, "Modem.AccessTechnologies")),
      .cell_id = CellText(Find(modem, kCell)),
  };
}

}  // namespace fieldgate::process_data
