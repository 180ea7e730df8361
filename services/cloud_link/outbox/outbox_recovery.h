#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/recovery.h"

namespace fieldgate::cloud_link {

// Reason of the losses that a damaged disk caused.
inline constexpr char kLostOnDisk[] = "damaged disk";
// Of the ids that were left out then (LossRecord::count is 0).
inline constexpr char kLeftOutOnDisk[] = "left out after a damaged disk";

// The rows of a damaged file tell the ids that were given out only in part. Without
// a witness of them (id_witness.h) the ids go on so far behind the highest that is
// known: more than the messages of a full outbox of the default size.
inline constexpr int64_t kIdsToLeave = 1'000'000;

// Before OutboxFile::Open: sqlite::RecoverIfDamaged for cloud_link.db. All that
// could be read is in the new file: entries with their layouts, losses, counters,
// positions, requests and events. What is known to be missing (gaps of
// message_ids, entries without their layout, or that found no space) is a loss
// record, and so is what was perhaps in memory only. No id comes twice.
absl::StatusOr<std::optional<sqlite::Recovery>> RecoverOutbox(const std::string& path,
                                                              sqlite::Disk& disk, absl::Time now);

}  // namespace fieldgate::cloud_link
