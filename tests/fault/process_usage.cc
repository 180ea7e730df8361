#include "tests/fault/process_usage.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace fieldgate::fault {
namespace {

int Entries(const std::string& folder) {
  std::error_code error;
  const std::filesystem::directory_iterator entries(folder, error);
  return static_cast<int>(std::distance(begin(entries), end(entries)));
}

}  // namespace

std::string ProcessUsage::ToString() const {
  return absl::StrCat(heap == 0 ? "" : absl::StrCat("heap ", heap >> 10, " KiB, "),
                      "anonymous memory ", anonymous >> 10, " KiB, ", fds, " descriptors, ",
                      threads, " threads");
}

ProcessUsage UsageOf(pid_t pid) {
  ProcessUsage usage;
  const std::string folder = absl::StrCat("/proc/", pid);
  std::ifstream rollup(folder + "/smaps_rollup");
  for (std::string word; rollup >> word;) {
    if (word != "Pss_Anon:") continue;
    rollup >> usage.anonymous;
    usage.anonymous <<= 10;
    break;
  }
  usage.fds = Entries(folder + "/fd");
  usage.threads = Entries(folder + "/task");
  return usage;
}

ProcessUsage OwnUsage() {
  ProcessUsage usage = UsageOf(getpid());
  const struct mallinfo2 info = mallinfo2();
  usage.heap = static_cast<int64_t>(info.uordblks + info.hblkhd);
  return usage;
}

void CountHeapExactly(char** argv) {
  mallopt(M_ARENA_MAX, 1);  // as the services do
  constexpr char kTunables[] = "GLIBC_TUNABLES";
  if (getenv(kTunables) != nullptr) return;
  setenv(kTunables, "glibc.malloc.tcache_count=0", 1);
  execv("/proc/self/exe", argv);
}

}  // namespace fieldgate::fault
