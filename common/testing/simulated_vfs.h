#pragma once

#include <memory>
#include <string>

#include "common/testing/simulated_disk.h"

struct sqlite3_vfs;

namespace fieldgate {

// SQLite's door to a SimulatedDisk, known to SQLite under a name of its own as
// long as it lives.
class SimulatedVfs {
 public:
  explicit SimulatedVfs(SimulatedDisk::State& disk);
  ~SimulatedVfs();

  const char* name() const { return name_.c_str(); }

 private:
  const std::string name_;
  const std::unique_ptr<sqlite3_vfs> vfs_;
};

}  // namespace fieldgate
