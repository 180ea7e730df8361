#pragma once

#include <string>

namespace fieldgate::process_data {

// What a mobile modem tells about itself. Texts are empty where nothing is
// known.
struct Modem {
  std::string state = {};  // "connected", "searching", "missing SIM Card" ...
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

// What is known of the modem.
struct ModemReport {
  enum class Kind {
    kAbsent,   // there is none, or nobody who knows it
    kUnknown,  // who knows it doesn't tell
    kPresent,
  };
  Kind kind = Kind::kAbsent;
  Modem modem = {};  // kPresent
};

}  // namespace fieldgate::process_data
