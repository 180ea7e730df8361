// CL-154: the disk is never filled.
#include "services/cloud_link/outbox/disk_floor.h"

#include <gtest/gtest.h>

namespace fieldgate::cloud_link {
namespace {

constexpr int64_t kMiB = 1 << 20;
constexpr OutboxLimits kAllowed = {.max_bytes = 64 * kMiB};

class DiskFloorTest : public ::testing::Test {
 protected:
  DiskFloorTest() { floor_.SetMinFree(16 * kMiB); }

  int64_t Limit() const { return floor_.Apply(kAllowed).max_bytes; }

  DiskFloor floor_;
};

TEST_F(DiskFloorTest, WithRoomTheUsersLimitHolds) {
  floor_.Note(16 * kMiB, 5 * kMiB);
  EXPECT_FALSE(floor_.low());
  EXPECT_EQ(Limit(), kAllowed.max_bytes);
  EXPECT_FALSE(floor_.Apply(kAllowed).disk_low);
}

TEST_F(DiskFloorTest, BelowTheFloorDataDoNotGrow) {
  floor_.Note(16 * kMiB - 1, 5 * kMiB);
  EXPECT_TRUE(floor_.low());
  EXPECT_EQ(Limit(), 5 * kMiB);
  EXPECT_TRUE(floor_.Apply(kAllowed).disk_low);
}

TEST_F(DiskFloorTest, ItKeepsThePolicy) {
  floor_.Note(0, 5 * kMiB);
  const OutboxLimits newest = {.max_bytes = 64 * kMiB, .policy = FullPolicy::kDropNewest};
  EXPECT_EQ(floor_.Apply(newest).policy, FullPolicy::kDropNewest);
}

TEST_F(DiskFloorTest, TheRoomOfWhatWasSentIsUsedAgain) {
  floor_.Note(0, 5 * kMiB);
  floor_.Note(0, 0);
  EXPECT_EQ(Limit(), 5 * kMiB);
}

TEST_F(DiskFloorTest, AMiBIsAlwaysKept) {
  floor_.Note(0, 0);
  EXPECT_EQ(Limit(), kMiB);
}

TEST_F(DiskFloorTest, NeverMoreThanTheUserAllows) {
  floor_.Note(0, 5 * kMiB);
  const OutboxLimits small = floor_.Apply({.max_bytes = 2 * kMiB});
  EXPECT_EQ(small.max_bytes, 2 * kMiB);
  EXPECT_FALSE(small.disk_low) << "it is the user's bound that takes";
}

TEST_F(DiskFloorTest, ItLastsUntilThereIsClearlyMoreRoom) {
  floor_.Note(15 * kMiB, 5 * kMiB);
  floor_.Note(17 * kMiB, 5 * kMiB);
  EXPECT_TRUE(floor_.low());
  floor_.Note(18 * kMiB, 5 * kMiB);
  EXPECT_FALSE(floor_.low());
  EXPECT_EQ(Limit(), kAllowed.max_bytes);
  floor_.Note(15 * kMiB, 7 * kMiB);
  EXPECT_EQ(Limit(), 7 * kMiB) << "what is held now";
}

TEST_F(DiskFloorTest, WithoutAFloorNothingIsLow) {
  floor_.Note(0, 5 * kMiB);
  floor_.SetMinFree(0);
  EXPECT_FALSE(floor_.low());
  floor_.Note(0, 5 * kMiB);
  EXPECT_FALSE(floor_.low());
  EXPECT_EQ(Limit(), kAllowed.max_bytes);
}

}  // namespace
}  // namespace fieldgate::cloud_link
