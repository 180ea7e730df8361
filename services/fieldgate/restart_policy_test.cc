#include "services/fieldgate/restart_policy.h"

#include <gtest/gtest.h>

namespace fieldgate::commands {
namespace {

class RestartPolicyTest : public testing::Test {
 protected:
  absl::Duration LiveFor(absl::Duration life) {
    policy_.Started(clock_.Now());
    clock_.Advance(life);
    const absl::Duration pause = policy_.Ended(clock_.Now());
    clock_.Advance(pause);
    return pause;
  }

  FakeClock clock_;
  RestartPolicy policy_;
};

TEST_F(RestartPolicyTest, FirstPauseIsShort) {
  EXPECT_EQ(LiveFor(absl::ZeroDuration()), absl::Milliseconds(100));
}

TEST_F(RestartPolicyTest, PauseDoublesUpToTenSeconds) {
  for (const int ms : {100, 200, 400, 800, 1600, 3200, 6400, 10'000, 10'000}) {
    EXPECT_EQ(LiveFor(absl::Seconds(1)), absl::Milliseconds(ms));
  }
}

TEST_F(RestartPolicyTest, ThirtySecondsOfLifeResetThePause) {
  for (int i = 0; i < 10; ++i) LiveFor(absl::Seconds(1));
  EXPECT_EQ(LiveFor(absl::Seconds(30)), absl::Milliseconds(100));
  EXPECT_EQ(LiveFor(absl::Seconds(1)), absl::Milliseconds(200));
}

TEST_F(RestartPolicyTest, AlmostThirtySecondsDoNot) {
  LiveFor(absl::Seconds(1));
  EXPECT_EQ(LiveFor(absl::Seconds(30) - absl::Milliseconds(1)), absl::Milliseconds(200));
}

}  // namespace
}  // namespace fieldgate::commands
