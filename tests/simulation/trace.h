#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/simulation/scheduler.h"

namespace fieldgate::simulation {

// What happens, as a number that follows from all of it and, if wanted, as lines
// for people; and the first thing that must not happen. Thread-compatible.
class Trace {
 public:
  Trace(Scheduler& scheduler, bool print) : scheduler_(scheduler), print_(print) {}

  template <typename... Parts>
  void Note(absl::string_view who, const Parts&... parts) {
    Write(who, absl::StrCat(parts...));
  }
  // An invariant is violated. The first one counts.
  template <typename... Parts>
  void Fail(const Parts&... parts) {
    SetFailure(absl::StrCat(parts...));
  }

  bool failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }
  bool print() const { return print_; }

 private:
  void Write(absl::string_view who, const std::string& what);
  void SetFailure(std::string what);

  Scheduler& scheduler_;
  const bool print_;
  std::string failure_;
};

}  // namespace fieldgate::simulation
