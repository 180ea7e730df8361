#include "tests/system/conformance/requirement.h"

#include <iostream>

#include "absl/strings/str_cat.h"

namespace fieldgate::system_test {
namespace {

int Failures() {
  const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
  if (test == nullptr) return 0;
  int failures = 0;
  for (int i = 0; i < test->result()->total_part_count(); ++i) {
    failures += test->result()->GetTestPartResult(i).failed() ? 1 : 0;
  }
  return failures;
}

}  // namespace

Requirement::Requirement(absl::string_view where, absl::string_view what)
    : text_(absl::StrCat(where, ": ", what)),
      failures_before_(Failures()),
      trace_(__FILE__, __LINE__, "requirement " + text_) {}

Requirement::~Requirement() {
  std::cout << (Failures() > failures_before_ ? "VIOLATES " : "CONFORMS ") << text_ << std::endl;
}

}  // namespace fieldgate::system_test
