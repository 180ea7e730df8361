#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace fieldgate::fault {

// What a process takes.
struct ProcessUsage {
  int64_t heap = 0;       // bytes in use, of this process only
  int64_t anonymous = 0;  // bytes: memory of its own, in use or not; no file, no program
  int fds = 0;
  int threads = 0;

  std::string ToString() const;
};

ProcessUsage UsageOf(pid_t pid);
// With `heap`, which is exact only after CountHeapExactly.
ProcessUsage OwnUsage();

// Freed memory that a thread keeps for itself counts as used: some 100 KiB a
// thread, by and by. Turns that off, for which it starts the program anew; call
// it first in main.
void CountHeapExactly(char** argv);

}  // namespace fieldgate::fault
