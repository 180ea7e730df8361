#pragma once

#include <optional>
#include <string>

#include "services/cloud_link/command/program_journal.h"

namespace fieldgate::cloud_link {

// A journal in memory; the object is the disk.
class FakeProgramJournal : public ProgramJournal {
 public:
  absl::StatusOr<std::optional<std::string>> Mode() override { return mode_; }
  absl::Status Note(absl::string_view mode) override {
    if (failure_.ok()) mode_ = std::string(mode);
    return failure_;
  }
  absl::Status Clear() override {
    if (failure_.ok()) mode_.reset();
    return failure_;
  }
  bool open() const override { return mode_.has_value(); }

  std::optional<std::string> mode_;
  absl::Status failure_;  // of Note and Clear
};

}  // namespace fieldgate::cloud_link
