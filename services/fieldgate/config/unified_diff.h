#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace fieldgate::commands {

// What differs between two texts, line by line, as `diff -u` shows it; empty
// when nothing does. The shortest difference, unless there is hardly anything
// in common: then all of the old and all of the new from the first to the last
// differing line. Takes some MB and less than a second for any configuration.
std::string UnifiedDiff(absl::string_view old_name, absl::string_view new_name,
                        absl::string_view old_text, absl::string_view new_text);

}  // namespace fieldgate::commands
