#pragma once

#include <string>

#include "absl/strings/string_view.h"

// Which controller and which sensor a variable's access path is (manual 2.2.1,
// Tables 2-1 and 2-2). A leading, trailing or doubled slash doesn't count.
namespace fieldgate::cloud_link {

struct SensorAddress {
  std::string controller;  // raw id: "Process_Bus1_Device0"
  std::string sensor;      // raw id: "Var0"

  friend bool operator==(const SensorAddress&, const SensorAddress&) = default;
};

// "/Process/Bus1/Device0/Var0": the path without its last level, slashes as
// underscores; a first-level variable belongs to controller "Get".
SensorAddress AddressOf(absl::string_view path);

// A gps value belongs to the controller of the path's first level (7.1).
SensorAddress GpsAddressOf(absl::string_view path);

// The path with one slash before each level.
std::string NormalPath(absl::string_view path);

}  // namespace fieldgate::cloud_link
