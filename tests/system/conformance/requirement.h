#pragma once

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/string_view.h"

namespace fieldgate::system_test {

// One requirement, shown while it is in scope: its end prints
//
//   CONFORMS 4 cmd TiXML: unknown command -> 500 with Error -2100
//
// or VIOLATES when a check failed meanwhile, and each such failure names it.
class Requirement {
 public:
  // `where`: the manual's section and the topic or format: "4 cmd TiXML".
  Requirement(absl::string_view where, absl::string_view what);
  ~Requirement();

  Requirement(const Requirement&) = delete;
  Requirement& operator=(const Requirement&) = delete;

 private:
  const std::string text_;
  const int failures_before_;
  const testing::ScopedTrace trace_;
};

}  // namespace fieldgate::system_test
