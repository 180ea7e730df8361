#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace fieldgate::fault {

// What a process takes.
struct ProcessUsage {
  int64_t heap = 0;  // bytes in use, of this process only
  int64_t pss = 0;   // bytes: its memory, what it shares counted by its share
  int fds = 0;
  int threads = 0;

  std::string ToString() const;
};

ProcessUsage UsageOf(pid_t pid);
// With `heap`.
ProcessUsage OwnUsage();

}  // namespace fieldgate::fault
