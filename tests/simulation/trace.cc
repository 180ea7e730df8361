#include "tests/simulation/trace.h"

#include <cstdio>
#include <utility>

namespace fieldgate::simulation {

void Trace::Write(absl::string_view who, const std::string& what) {
  scheduler_.Mix(static_cast<uint64_t>(absl::ToInt64Nanoseconds(scheduler_.now().since_start)));
  scheduler_.Mix(who);
  scheduler_.Mix(what);
  if (!print_) return;
  std::string shown = what.substr(0, 400);
  for (char& c : shown) {
    if (c == '\n') c = ' ';
  }
  std::printf("%12.6f %-14s %s\n", absl::ToDoubleSeconds(scheduler_.now().since_start),
              std::string(who).c_str(), shown.c_str());
}

void Trace::SetFailure(std::string what) {
  if (failed()) return;
  Write("FAILURE", what);
  failure_ = std::move(what);
}

}  // namespace fieldgate::simulation
