// PD-34: the bounds of a log.
#include "services/process_data/logging/log_bounds.h"

#include <gtest/gtest.h>

namespace fieldgate::process_data {
namespace {

constexpr absl::Duration kHour = absl::Hours(1);

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

}  // namespace
}  // namespace fieldgate::process_data
