#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/config_store.pb.h"

namespace fieldgate::config_store {

// Who this device is, from the text of device.json:
//   serial_number  eight digits, in quotes; required
//   product_name   1..64 ASCII characters; required
//   hardware_id    text of one line, at most 200 bytes
//   interfaces     object: "Ethernet", "Ethernet2", "WLAN", "MODEM", "VPN" ->
//                  Linux network interface
//   signal_led     the LED that shows the MQTT connection (manual 7.5), or an
//                  object of two: "red", "green"; a name in /sys/class/leds or
//                  the whole path of a folder like those
//   modules        object: name of a module -> text, in order (manual 5)
//   license        object: "HW_Rev", "Oem" ... -> text (manual 5)
//   uboot, firmware_date   text (manual 5)
// Unknown keys go to `warnings`, with the nearest known one.
//
// kInvalidArgument: names `file`, the key, and what would be right.
absl::StatusOr<v1::Device> ParseDeviceIdentity(absl::string_view json, const std::string& file,
                                               std::vector<std::string>& warnings);

// The same from the file itself; warnings are logged.
// kNotFound: can't be read.
absl::StatusOr<v1::Device> ReadDeviceIdentity(const std::string& file);

}  // namespace fieldgate::config_store
