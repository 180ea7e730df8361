#include "tests/simulators/portal/command_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fieldgate::portal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(CommandOptionsTest, WithoutOptionsThereIsNothingToSend) {
  EXPECT_THAT(MakeCommandPlan({})->commands, IsEmpty());
}

TEST(CommandOptionsTest, MakesOneRequestOfEachOption) {
  const absl::StatusOr<CommandPlan> plan =
      MakeCommandPlan({.cmd = "[<Get _=\"/A\"/><Get _=\"/B\"/>]",
                       .state = "Ethernet",
                       .serial_number = "01234567",
                       .format = "json"});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->format, tixml::Format::kJson);
  ASSERT_THAT(plan->commands, SizeIs(2));
  EXPECT_EQ(plan->commands[0].request_id, "portal-cmd");
  EXPECT_THAT(plan->commands[0].commands, SizeIs(2));
  EXPECT_EQ(plan->commands[1].path, "Ethernet");
}

TEST(CommandOptionsTest, TheRootAsStateAsksForEverything) {
  EXPECT_EQ(MakeCommandPlan({.state = "/", .serial_number = "1"})->commands[0].path, "");
}

TEST(CommandOptionsTest, SaysWhatIsWrong) {
  EXPECT_THAT(MakeCommandPlan({.cmd = "<Get/>"}).status().ToString(), HasSubstr("--serial"));
  EXPECT_THAT(MakeCommandPlan({.cmd = "<Get", .serial_number = "1"}).status().ToString(),
              HasSubstr("--cmd: "));
  EXPECT_THAT(MakeCommandPlan({.format = "YAML"}).status().ToString(),
              HasSubstr("TiXML, XML or JSON"));
}

TEST(CommandOptionsTest, AMissingOrFailedResultIsAReason) {
  const absl::StatusOr<CommandPlan> plan =
      MakeCommandPlan({.cmd = "<Get/>", .config = "<Set/>", .state = "/", .serial_number = "1"});
  PortalStats stats;
  stats.results.resize(2);
  stats.results[0].response_id = "portal-state";
  stats.results[1].response_id = "portal-config";
  stats.results[1].error_code = 500;
  EXPECT_THAT(WhyNotExecuted(*plan, stats),
              ElementsAre("portal-config: error_code 500", "no result of portal-cmd"));
}

}  // namespace
}  // namespace fieldgate::portal
