#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace fieldgate::tixml {

// "line 3, column 14: what". Lines and columns count from 1, columns in
// characters.
absl::Status ErrorAt(absl::StatusCode code, int line, int column, absl::string_view what);

// The same for a byte offset in `text`, which may be its end.
absl::Status ErrorAt(absl::StatusCode code, absl::string_view text, size_t offset,
                     absl::string_view what);

// `name`, cut where it is too long for a message, on one line (control
// characters become '?'), and in quotes.
std::string Shortened(absl::string_view name);
std::string Quoted(absl::string_view name);

// `text` without the white space of XML at its ends.
absl::string_view Trim(absl::string_view text);

}  // namespace fieldgate::tixml
