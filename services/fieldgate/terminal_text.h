#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// Text for people, as pure functions.
namespace fieldgate::commands {

// "2024-05-01T12:00:00.250Z"
std::string IsoTime(absl::Time time);

// In the largest unit that keeps two digits or so: "0.3 s", "12 s", "5 min",
// "3 h", "2 d". Negative (a clock that was set back) is "0.0 s".
std::string ShortAge(absl::Duration age);

// Control characters escaped (\n, \x1b), so that a value can't steer a terminal.
std::string Printable(absl::string_view text);

// As one word of a line: in quotes when it is empty or holds white space,
// quotes or control characters.
std::string OneWord(absl::string_view text);

// Left-aligned columns with two spaces between; no spaces at a line's end.
std::string Columns(const std::vector<std::vector<std::string>>& rows);

}  // namespace fieldgate::commands
