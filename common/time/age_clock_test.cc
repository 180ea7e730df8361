// CL-153, PD-34: the age of data counts on, whatever the clocks do.
#include "common/time/age_clock.h"

#include <gtest/gtest.h>

#include <random>

namespace fieldgate {
namespace {

constexpr int64_t kDay = 86'400;
constexpr int64_t kYear = 365 * kDay;
constexpr int64_t kWall = 1'800'000'000;
constexpr int64_t kBound = 30 * kDay;

Now At(int64_t monotonic, int64_t wall) {
  return {MonotonicTime{absl::Seconds(monotonic)}, absl::FromUnixSeconds(wall)};
}

TEST(AgeClockTest, CountsWhatTheMonotonicClockCounts) {
  AgeClock clock(std::nullopt, At(1'000, kWall));
  EXPECT_EQ(clock.age(), 0);
  clock.Tick(At(1'060, kWall + 60), kBound);
  EXPECT_EQ(clock.age(), 60);
}

TEST(AgeClockTest, TellsWhatItStoodAtBefore) {
  AgeClock clock(std::nullopt, At(1'000, kWall));
  clock.Tick(At(1'060, kWall + 60), kBound);
  EXPECT_EQ(clock.At(MonotonicTime{absl::Seconds(1'020)}), 20);
}

TEST(AgeClockTest, AJumpOfTheWallClockCountsNothing) {
  AgeClock clock(std::nullopt, At(0, kWall));
  for (const int64_t jump : {10 * kYear, -10 * kYear, -kWall, int64_t{0}}) {
    clock.Tick(At(10, kWall + jump), kBound);
    EXPECT_EQ(clock.age(), 10);
  }
}

TEST(AgeClockTest, ARestartInTheSameBootCountsByTheMonotonicClock) {
  const AgeClock::Mark last = {.age = 500, .wall = kWall, .monotonic = 10'000};
  for (const int64_t jump : {10 * kYear, -10 * kYear, -kWall, int64_t{0}}) {
    AgeClock clock(last, At(10'300, kWall + 300 + jump));
    clock.Tick(At(10'301, kWall + 301 + jump), kBound);
    EXPECT_EQ(clock.age(), 801);
  }
}

TEST(AgeClockTest, TheTimeBeforeABootCountsByTheWallClock) {
  AgeClock clock(AgeClock::Mark{.age = 500, .wall = kWall, .monotonic = 900'000},
                 At(30, kWall + kDay));
  clock.Tick(At(31, kWall + kDay + 1), kBound);
  EXPECT_EQ(clock.age(), 500 + kDay + 1);
  clock.Tick(At(32, kWall + 20 * kDay), kBound);
  EXPECT_EQ(clock.age(), 500 + kDay + 2) << "once only";
}

TEST(AgeClockTest, ABootYearsLaterCountsHalfOfTheBound) {
  AgeClock clock(AgeClock::Mark{.age = 500, .wall = kWall, .monotonic = 900'000},
                 At(30, kWall + 10 * kYear));
  clock.Tick(At(30, kWall + 10 * kYear), kBound);
  EXPECT_EQ(clock.age(), 500 + kBound / 2);
}

TEST(AgeClockTest, ABootYearsEarlierCountsNothing) {
  AgeClock clock(AgeClock::Mark{.age = 500, .wall = kWall, .monotonic = 900'000},
                 At(30, kWall - 6 * kYear));
  clock.Tick(At(40, kWall - 6 * kYear + 10), kBound);
  EXPECT_EQ(clock.age(), 510);
}

TEST(AgeClockTest, ADeviceThatStartsIn1970CountsOnceItHasTheTime) {
  AgeClock clock(AgeClock::Mark{.age = 500, .wall = kWall, .monotonic = 900'000}, At(30, 30));
  clock.Tick(At(130, 130), kBound);
  EXPECT_EQ(clock.age(), 600);
  EXPECT_EQ(clock.mark().wall, 0);
  // It was off for two days, of which it has run for 100 s.
  clock.Tick(At(130, kWall + 2 * kDay), kBound);
  EXPECT_EQ(clock.age(), 500 + 2 * kDay);
}

TEST(AgeClockTest, ADeviceThatNeverHadTheTimeCountsWhatItRan) {
  const AgeClock::Mark last = {.age = 500, .wall = 0, .monotonic = 900'000};
  AgeClock clock(last, At(30, 30));
  clock.Tick(At(40, kWall), kBound);
  EXPECT_EQ(clock.age(), 510);
}

TEST(AgeClockTest, WithoutABoundTheTimeBeforeABootDoesNotCount) {
  AgeClock clock(AgeClock::Mark{.age = 500, .wall = kWall, .monotonic = 900'000},
                 At(30, kWall + 10 * kYear));
  clock.Tick(At(31, kWall + 10 * kYear), 0);
  EXPECT_EQ(clock.age(), 501);
}

// Whatever happens to the wall clock and however often it boots: what was stored
// less than half a bound ago, by the time that has really passed, is never over
// the bound after one boot, and the clock never goes back.
TEST(AgeClockTest, NoClockMakesFreshDataOld) {
  std::mt19937_64 random(20'261'126);
  const auto pick = [&](int64_t last) {
    return std::uniform_int_distribution<int64_t>(0, last)(random);
  };
  for (int round = 0; round < 2'000; ++round) {
    int64_t monotonic = pick(kYear);
    std::optional<AgeClock> clock(std::in_place, std::nullopt, At(monotonic, pick(2 * kWall)));
    const int64_t boot_at = pick(20);
    const int64_t born = clock->age();
    int64_t lived = 0;
    int64_t before = born;
    for (int step = 0; step < 20; ++step) {
      if (step == boot_at) {
        const AgeClock::Mark mark = clock->mark();
        monotonic = pick(100);
        clock.emplace(mark, At(monotonic, pick(2 * kWall)));
      }
      const int64_t passed = pick(kBound / 50);
      lived += passed;
      monotonic += passed;
      clock->Tick(At(monotonic, pick(2 * kWall)), kBound);
      EXPECT_GE(clock->age(), before);
      before = clock->age();
    }
    EXPECT_LE(clock->age() - born, lived + kBound / 2 + 100);
  }
}

}  // namespace
}  // namespace fieldgate
