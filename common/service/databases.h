#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/sqlite/disk.h"
#include "proto/service.pb.h"

namespace fieldgate::service {

// What became of the databases of one service, and what it does when one turns out
// to be damaged while it runs. Thread-safe.
class Databases {
 public:
  // `disk` outlives it.
  explicit Databases(std::vector<std::string> paths, sqlite::Disk& disk = sqlite::RealDisk())
      : paths_(std::move(paths)), disk_(disk) {}

  // Control.ListRecoveries.
  std::vector<v1::Recovery> ListRecoveries() const;

  // Passes a line to `append` for each recovery that is not in the SupportLog yet.
  // An error of `append` is returned; what was not taken is passed the next time.
  absl::Status Tell(const std::function<absl::Status(const std::string& line)>& append);

  // For sqlite::Options.on_damage of the database at `path`: notes it, so that the
  // next start salvages it, and ends the process as SIGTERM does.
  std::function<void(const absl::Status&)> OnDamage(const std::string& path);
  // The same for a start that failed because of damage that its check did not find;
  // other errors are none of its business. Returns `status`.
  absl::Status AtStart(const std::string& path, const absl::Status& status);
  // Why the process has to end so; what `run` returns.
  absl::Status damage() const;

 private:
  const std::vector<std::string> paths_;
  sqlite::Disk& disk_;
  mutable std::mutex mutex_;
  absl::Status damage_;
};

}  // namespace fieldgate::service
