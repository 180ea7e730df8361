#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "services/process_data/modem/modem.h"
#include "services/process_data/polling_status.h"

namespace fieldgate::process_data {

// Where values come from: what is read together. Bits of a mask.
using Sources = unsigned;
inline constexpr Sources kFixed = 0;  // device.json and the program itself: never read again
inline constexpr Sources kMemory = 1;
inline constexpr Sources kStorage = 2;
inline constexpr Sources kKernel = 4;
inline constexpr Sources kNetwork = 8;
inline constexpr Sources kTimes = 16;
inline constexpr Sources kLogCounters = 32;
inline constexpr Sources kMainboardSource = 64;  // /Process/MB, polling, the LED
inline constexpr Sources kModemSource = 128;
inline constexpr Sources kAllSources = 255;

// The logs of messages, in the order of the manual's example.
inline constexpr const char* kMessageLogs[] = {"JobReport", "Event", "Login", "SupportLog"};

// A network interface that exists. Texts are empty where nothing is known.
struct NetworkInterface {
  bool link = false;
  std::string speed = {};  // Mbit/s
  std::string address = {};
  std::string netmask = {};
  std::string mac = {};  // "00:11:E8:5B:B1:20"
  std::string gateway = {};
  std::string dns = {};
};

// What the system tells about itself. Sizes are bytes; none: not known, or not
// there.
struct SystemValues {
  // kMemory
  std::optional<uint64_t> ram_size;
  std::optional<uint64_t> ram_free;  // what programs can still get
  // kStorage
  std::optional<uint64_t> rom_size;   // flash chip or eMMC
  std::optional<uint64_t> file_size;  // of the file system of the state directory
  std::optional<uint64_t> file_free;
  std::string file_system_type;  // "ext4"
  // kKernel: a line as uname -a has it
  std::string system_info;
  // kNetwork: "Ethernet", "Ethernet2", "WLAN", "MODEM", "VPN" -> interface
  std::map<std::string, NetworkInterface> interfaces;
  // kTimes
  absl::Time now = absl::UnixEpoch();
  absl::TimeZone zone = absl::UTCTimeZone();
  std::optional<absl::Time> power_on;
  std::optional<absl::Time> power_off;  // before that
  // kLogCounters: entries ever made, by log; none of those that are not known
  std::map<std::string, int64_t> log_counters;
  // kMainboardSource
  std::optional<int> cpu_load;  // percent, since the last reading
  PollingStatus polling;
  std::string signal_led;  // brightness
  // kModemSource
  ModemReport modem;
};

}  // namespace fieldgate::process_data
