#include "services/fieldgate/problem_lines.h"

#include <gtest/gtest.h>

namespace fieldgate::commands {
namespace {

TEST(ProblemLinesTest, LineFollowsTheFile) {
  EXPECT_EQ(AtSource("demo/a.tixml", "line 12: /ISP/CloudConn/QoS: '7' is no QoS; write 0, 1 or 2"),
            "demo/a.tixml:12: /ISP/CloudConn/QoS: '7' is no QoS; write 0, 1 or 2");
}

TEST(ProblemLinesTest, LineAndColumnFollowTheFile) {
  EXPECT_EQ(AtSource("a.tixml", "line 3, column 14: expected </CloudConn>"),
            "a.tixml:3:14: expected </CloudConn>");
}

TEST(ProblemLinesTest, ProblemWithoutLineHasTheFileOnly) {
  EXPECT_EQ(AtSource("a.tixml", "/ISP: no CloudConn"), "a.tixml: /ISP: no CloudConn");
}

TEST(ProblemLinesTest, TextThatOnlyBeginsLikeALineIsKept) {
  EXPECT_EQ(AtSource("a.tixml", "line x: odd"), "a.tixml: line x: odd");
  EXPECT_EQ(AtSource("a.tixml", "line 3"), "a.tixml: line 3");
}

TEST(ProblemLinesTest, ControlCharactersAreEscaped) {
  EXPECT_EQ(AtSource("a.tixml", "line 3: '\x1b[2J' is no number"),
            "a.tixml:3: '\\x1b[2J' is no number");
}

TEST(ProblemLinesTest, WarningsSayThatTheyAre) {
  EXPECT_EQ(WarningAtSource("a.tixml", "line 3: /ISP: odd"), "a.tixml:3: warning: /ISP: odd");
  EXPECT_EQ(WarningAtSource("a.tixml", "/ISP: odd"), "a.tixml: warning: /ISP: odd");
}

}  // namespace
}  // namespace fieldgate::commands
