#include "services/cloud_link/command/pending_reset.h"

#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

constexpr bool kAnswersWait = true;
constexpr bool kAllAnswered = false;

class PendingResetTest : public testing::Test {
 protected:
  static MonotonicTime At(absl::Duration t) { return MonotonicTime{} + t; }
  PendingReset reset_;
};

TEST_F(PendingResetTest, NothingIsDueWithoutAnOrder) {
  EXPECT_FALSE(reset_.pending());
  EXPECT_FALSE(reset_.TakeDue(kAllAnswered, At(absl::Hours(1))).has_value());
  EXPECT_EQ(reset_.NextDeadline(At(absl::Hours(1))), MonotonicTime::Never());
}

TEST_F(PendingResetTest, WaitsForTheAnswerToBeOnItsWay) {
  reset_.Request(ResetKind::kRestart, "portal CloudConn", At(absl::ZeroDuration()));
  EXPECT_EQ(reset_.NextDeadline(At(absl::ZeroDuration())), At(PendingReset::kAtLeast));
  EXPECT_FALSE(reset_.TakeDue(kAllAnswered, At(absl::Milliseconds(499))).has_value());
  EXPECT_FALSE(reset_.TakeDue(kAnswersWait, At(absl::Seconds(5))).has_value());
  const auto order = reset_.TakeDue(kAllAnswered, At(absl::Seconds(6)));
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->kind, ResetKind::kRestart);
  EXPECT_EQ(order->who, "portal CloudConn");
}

TEST_F(PendingResetTest, ABrokerThatIsAwayHoldsItUpForTenSeconds) {
  reset_.Request(ResetKind::kRestart, "portal CloudConn", At(absl::ZeroDuration()));
  EXPECT_FALSE(reset_.TakeDue(kAnswersWait, At(absl::Milliseconds(9999))).has_value());
  EXPECT_TRUE(reset_.TakeDue(kAnswersWait, At(absl::Seconds(10))).has_value());
}

TEST_F(PendingResetTest, IsDoneOnce) {
  reset_.Request(ResetKind::kRestart, "command line", At(absl::ZeroDuration()));
  EXPECT_TRUE(reset_.TakeDue(kAllAnswered, At(absl::Seconds(1))).has_value());
  EXPECT_FALSE(reset_.TakeDue(kAllAnswered, At(absl::Seconds(2))).has_value());
}

TEST_F(PendingResetTest, AFactoryResetIsNotReplacedByARestart) {
  reset_.Request(ResetKind::kRestart, "a", At(absl::ZeroDuration()));
  reset_.Request(ResetKind::kFactory, "b", At(absl::Seconds(1)));
  reset_.Request(ResetKind::kRestart, "c", At(absl::Seconds(1)));
  const auto order = reset_.TakeDue(kAllAnswered, At(absl::Seconds(2)));
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->kind, ResetKind::kFactory);
  EXPECT_EQ(order->who, "b");
}

}  // namespace
}  // namespace fieldgate::cloud_link
