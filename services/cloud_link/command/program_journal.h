#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fieldgate::cloud_link {

// The mode to which a program is restored that was stopped for a SetConfig, so
// that a process that dies in between can do so when it is back. Blocks on
// disk; one thread at a time, apart from `open`.
//
// Every method: kUnavailable when the file can't be read or written, kDataLoss
// when it is damaged; nothing was changed.
class ProgramJournal {
 public:
  virtual ~ProgramJournal() = default;

  // The mode that is noted; nothing when none is.
  virtual absl::StatusOr<std::optional<std::string>> Mode() = 0;
  // Notes it durably, in place of any.
  virtual absl::Status Note(absl::string_view mode) = 0;
  // Forgets it. Touches the disk only if one is noted.
  virtual absl::Status Clear() = 0;

  // One is noted, as far as is known. Thread-safe, doesn't block.
  virtual bool open() const = 0;
};

}  // namespace fieldgate::cloud_link
