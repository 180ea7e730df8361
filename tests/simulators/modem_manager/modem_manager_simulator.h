#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace fieldgate {

// A modem as ModemManager shows it; the numbers are those of its API.
struct SimulatedModem {
  int number = 0;  // .../Modem/0
  int32_t state = 11;
  uint32_t failed_reason = 0;
  uint32_t unlock_required = 1;
  std::string model = "ME909s-120";
  std::string revision = "11.617.09.00.00";
  std::string imei = "860000000000001";
  uint32_t quality = 67;
  bool quality_is_recent = true;
  uint32_t access_technologies = 1 << 14;
  std::vector<std::string> net_ports = {"wwan0"};
  // None: the modem is not far enough to have the interface.
  struct Network {
    std::string operator_code = "26201";
    std::string operator_name = "Telekom.de";
    uint32_t registration_state = 1;
  };
  std::optional<Network> network = Network();
  struct Sim {
    std::string imsi = "262011234567890";
    std::string id = "89490200001234567890";
  };
  std::optional<Sim> sim = Sim();
  std::optional<double> lte_rssi = {};  // measured only when told to
  // "MCC,MNC,LAC,CI,TAC"; shown to all, or to who asks, or not even to them.
  std::string location = "262,01,84CD,2BC80,3C";
  bool location_is_shown = false;
  bool location_is_refused = false;
};

// What of ModemManager a client of its modems sees, on a bus of a test.
// Thread-safe.
class ModemManagerSimulator {
 public:
  // How it answers.
  enum class Mood { kWell, kSilent, kWithErrors, kWithNonsense };

  // Has its name when it returns, and no modem.
  // kUnavailable: there is no bus at `address`, or the name is taken.
  static absl::StatusOr<std::unique_ptr<ModemManagerSimulator>> Start(const std::string& address);
  ~ModemManagerSimulator();

  void Show(std::vector<SimulatedModem> modems);
  void SetMood(Mood mood);
  // Calls of this method so far.
  int calls(const std::string& method) const;
  // Different clients so far.
  size_t clients() const;

 private:
  struct Impl;
  explicit ModemManagerSimulator(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace fieldgate
