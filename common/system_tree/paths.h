#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

// The values that the device has of itself (manual 5): process_data gives them,
// config_store knows that they are no mistake.
namespace fieldgate::system_tree {

// Each module of the hardware has a value directly below it.
inline constexpr absl::string_view kModules = "/Hardware/Modules";

// All others outside /Process, in the order of the manual's example.
absl::Span<const absl::string_view> Values();

// Another way to write a value's path; both are in use.
struct Alias {
  absl::string_view path;
  absl::string_view value;
};
inline constexpr Alias kAliases[] = {
    {"/GprsLinkState", "/GPRSLinkState"},  // Table 2-2 and the example
};

// Values directly below /Process: 1 while a bus on that connector is polled.
inline constexpr absl::string_view kPollActive[] = {
    "COM1PollActive", "COM2PollActive", "COM3PollActive", "COM4PollActive", "ETHPollActive",
};
bool IsPollActive(absl::string_view name);

// /Process/`name` belongs to the device: no bus has this name.
bool IsProcessName(absl::string_view name);

// `path` is a value of the device outside /Process, whether its hardware is there or not.
bool IsValue(absl::string_view path);

}  // namespace fieldgate::system_tree
