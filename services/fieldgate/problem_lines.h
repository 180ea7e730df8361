#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace fieldgate::commands {

// A problem as the interpreter writes it ("line 12: /ISP/X: 'a' is no number;
// write 1"), placed as compilers do, so that editors jump there:
// "gateway.tixml:12: /ISP/X: ...", with a column "gateway.tixml:12:3: ...",
// without a line "gateway.tixml: ...". Control
// characters are escaped.
std::string AtSource(absl::string_view source, absl::string_view problem);
// The same with "warning: " after the place.
std::string WarningAtSource(absl::string_view source, absl::string_view warning);

}  // namespace fieldgate::commands
