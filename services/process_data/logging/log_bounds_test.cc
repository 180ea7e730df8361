// PD-34: the bounds of a log.
#include "services/process_data/logging/log_bounds.h"

#include <gtest/gtest.h>

#include <vector>

namespace fieldgate::process_data {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr absl::Duration kHour = absl::Hours(1);

// Records with the ids 1, 2 ... Returns the last that goes at an age of a day.
int64_t Walk(const std::vector<absl::Time>& times, absl::Time now = kNow) {
  AgeWalk walk(now, 24 * kHour);
  int64_t id = 0;
  for (const absl::Time time : times) {
    if (!walk.Take(++id, time)) break;
  }
  return walk.last_id();
}

TEST(LogBoundsTest, SmallRecordsSharePagesAndLargeOnesFillTheirOwn) {
  EXPECT_EQ(DiskBytes(30), 50);
  EXPECT_EQ(DiskBytes(1'300), 1'365);
  EXPECT_EQ(DiskBytes(2'700), 4'096);
  EXPECT_EQ(DiskBytes(4'041), 4'096);
  EXPECT_EQ(DiskBytes(5'000), 4'096 + 1'024);
  EXPECT_EQ(DiskBytes(1'000'000), 244 * 4'096 + 2'048);
}

TEST(LogBoundsTest, WhatFitsStays) {
  EXPECT_EQ(BytesToFree(0, {.max_bytes = 6'400}), 0);
  EXPECT_EQ(BytesToFree(6'400, {.max_bytes = 6'400}), 0);
}

TEST(LogBoundsTest, WhatIsOverGoesAndA64thMore) {
  EXPECT_EQ(BytesToFree(6'401, {.max_bytes = 6'400}), 101);
}

TEST(LogBoundsTest, ADiskIsLowUntilThereIsClearlyMoreRoom) {
  constexpr int64_t kMiB = 1 << 20;
  EXPECT_FALSE(IsLow(16 * kMiB, /*low=*/false));
  EXPECT_TRUE(IsLow(16 * kMiB - 1, /*low=*/false));
  EXPECT_TRUE(IsLow(18 * kMiB - 1, /*low=*/true));
  EXPECT_FALSE(IsLow(18 * kMiB, /*low=*/true));
}

TEST(LogBoundsTest, OnALowDiskALogKeepsWhatItTakes) {
  const LogBounds bounds = {.max_bytes = 1'000'000, .max_age = kHour};
  EXPECT_EQ(WithoutGrowth(bounds, 300'000), (LogBounds{.max_bytes = 300'000, .max_age = kHour}));
  EXPECT_EQ(WithoutGrowth(bounds, 0).max_bytes, 65'536) << "a few records are always kept";
  EXPECT_EQ(WithoutGrowth(bounds, 2'000'000), bounds);
  EXPECT_EQ(WithoutGrowth({.max_bytes = 100}, 0).max_bytes, 100);
}

TEST(LogBoundsTest, RecordsOverTheAgeGo) {
  EXPECT_EQ(Walk({kNow - 30 * kHour, kNow - 25 * kHour, kNow - 24 * kHour, kNow}), 2);
  EXPECT_EQ(Walk({kNow}), 0);
  EXPECT_EQ(Walk({}), 0);
}

TEST(LogBoundsTest, ARecordFromBeforeTheClockWasSetIsAsOldAsTheNextOne) {
  const absl::Time unset = absl::FromUnixSeconds(946'684'800);  // 2000
  EXPECT_EQ(Walk({unset, unset, kNow - kHour}), 0);
  EXPECT_EQ(Walk({unset, unset}), 0) << "it may be from a moment ago";
  EXPECT_EQ(Walk({unset, unset, kNow - 25 * kHour, kNow}), 3);
}

TEST(LogBoundsTest, ARecordFromTheFutureIsAsOldAsTheNextOne) {
  EXPECT_EQ(Walk({kNow + kHour, kNow - kHour}), 0);
  EXPECT_EQ(Walk({kNow + kHour, kNow - 25 * kHour, kNow - kHour}), 2);
}

TEST(LogBoundsTest, AnOldTimeBehindAYoungRecordTakesNothing) {
  EXPECT_EQ(Walk({kNow - kHour, kNow - 30 * kHour}), 0);
}

TEST(LogBoundsTest, WhileTheClockIsNotSetNothingIsTooOld) {
  EXPECT_EQ(Walk({kNow - 30 * kHour}, absl::UnixEpoch()), 0);
}

}  // namespace
}  // namespace fieldgate::process_data
