#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace fieldgate::process_data {

// What a mobile modem tells about itself. Texts are empty where nothing is
// known.
struct Modem {
  std::string state = {};  // "connected", "searching", "missing SIM Card" ...
  bool connected = false;  // to a data service
  std::string model = {};
  std::string revision = {};
  std::string imei = {};
  std::string imsi = {};
  std::string sim_id = {};    // ICCID
  std::string provider = {};  // the network it is registered with
  std::string quality = {};   // percent
  std::string rssi = {};      // dBm
  std::string rsrp = {};      // dBm; LTE and 5G
  std::string service = {};   // "GSM", "UMTS", "LTE", "5G" ...
  std::string cell_id = {};   // decimal

  friend bool operator==(const Modem&, const Modem&) = default;
};

// Who knows the modems. One thread at a time.
class ModemSource {
 public:
  virtual ~ModemSource() = default;

  // The modem that the network interface `interface` belongs to, otherwise the
  // first; none: there is no modem. Blocks; a peer that hangs may make it block
  // for ever.
  //
  // kUnavailable:      nobody manages modems here.
  // kPermissionDenied: who does won't tell us.
  // kDeadlineExceeded: who does is silent.
  virtual absl::StatusOr<std::optional<Modem>> Read(const std::string& interface) = 0;

  // Gives up what it holds until the next Read.
  virtual void Rest() = 0;
};

}  // namespace fieldgate::process_data
