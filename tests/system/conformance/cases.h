#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/system/conformance/bodies.h"
#include "tests/system/conformance/conversation.h"
#include "tests/system/conformance/requirement.h"

// Lists of commands and their answers, on `cmd` in each format.
namespace fieldgate::system_test {

// A request of one or several commands and what the answer must hold. The
// cases of a list are executed in order. A further command needs rows, or a
// list of its own.
struct Case {
  const char* what;
  Statement commands;  // `json`: the value of "cmd"
  int error_code;
  Statement answers;  // `json`: the value of "cmd_result"
  const char* section = "4";
};

class CaseTest : public SharedConversation<testing::TestWithParam<Wire>> {
 protected:
  template <size_t kCount>
  void Check(const char* list, const Case (&cases)[kCount]) {
    int number = 0;
    for (const Case& c : cases) {
      const Requirement requirement(absl::StrCat(c.section, " cmd ", Name(GetParam())), c.what);
      const std::string id = absl::StrCat(list, "-", Name(GetParam()), "-", ++number);
      EXPECT_THAT(gateway().Ask("cmd", GetParam(), id, c.commands),
                  IsBody(GetParam(), ResultBody(GetParam(), "cmd", c.error_code, id, c.answers)));
    }
  }
};

}  // namespace fieldgate::system_test
