#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// The configuration files that system tests import.
namespace fieldgate::system_test {

// device.json; its serial number is kSerialNumber. `more`: further members, each
// with a comma before it.
inline constexpr char kSerialNumber[] = "01234567";
std::string DeviceJson(absl::string_view more = "");

// A PROCCFG: one Modbus TCP bus a port (Field1, Field2 ..., each with a device
// Dev of the points below), a simulated bus and two process variables.
struct FieldConfig {
  std::vector<int> modbus_ports = {};
  // Points of each Modbus device: holding registers 0 .. points - 1, named P0 ...
  int points = 3;
};
std::string ProcCfg(const FieldConfig& field);

// An ISP database with one connector that sends all points of `field` each
// second (Realtime1) and the process variables when they change (Realtime2).
struct CloudConfig {
  std::string broker_url = {};
  std::string format = "TiXML";
  int qos = 1;
  std::string username = {};
  std::string password = {};
  // Further elements of CloudConn.
  std::string more = {};
  FieldConfig field = {};
};
std::string Isp(const CloudConfig& cloud);

}  // namespace fieldgate::system_test
