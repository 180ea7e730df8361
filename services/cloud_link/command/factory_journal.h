#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fieldgate::cloud_link {

// What a factory reset needs to survive a kill: the order, until config_store
// has done it, and the epoch that cloud_link's own data belong to. Belongs to
// the loop; blocks on disk.
//
// Every method: kUnavailable when the file can't be read or written, kDataLoss
// when it is damaged; nothing was changed.
class FactoryJournal {
 public:
  virtual ~FactoryJournal() = default;

  // Notes durably who ordered a reset.
  virtual absl::Status Order(absl::string_view who) = 0;
  // Who ordered one that is not done; nothing if there is none.
  virtual std::optional<std::string> ordered() const = 0;
  // The order can't be done.
  virtual absl::Status Drop() = 0;

  // The epoch of the configuration in force. True: a later one than that of our
  // data; it is noted that they are to be forgotten, which the next start does
  // (OpenSqliteFactoryJournal). The first epoch ever seen becomes ours, and so
  // does an earlier one: config_store has lost its file then, which is no reset.
  virtual absl::StatusOr<bool> Begins(int64_t epoch) = 0;
};

}  // namespace fieldgate::cloud_link
