// The small form of the benchmark backlog: order, completeness, and commands that
// are answered meanwhile. No times.
#include "tests/bench/backlog.h"

#include "common/testing/mosquitto.h"
#include "gtest/gtest.h"

namespace fieldgate::bench {
namespace {

TEST(BacklogTest, ABacklogArrivesInOrderWhileCommandsAreAnswered) {
  Mosquitto broker;
  ASSERT_TRUE(broker.Start().ok());
  BacklogOptions options;
  options.broker_url = broker.url();
  options.messages = 20'000;
  options.command_pause = absl::ZeroDuration();
  options.idle_commands = 1;
  options.patience = absl::Minutes(2);
  const absl::StatusOr<BacklogDrain> drain = DrainBacklog(options);
  ASSERT_TRUE(drain.ok()) << drain.status();
  EXPECT_GE(drain->busy_commands_ms.size(), 3u) << "commands waited for the backlog";
  EXPECT_EQ(drain->idle_commands_ms.size(), 1u);
}

}  // namespace
}  // namespace fieldgate::bench
