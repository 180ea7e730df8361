// PD-34: records age as time passes, whatever the clocks do.
#include <gmock/gmock.h>

#include <random>

#include "common/sqlite/disk.h"
#include "services/process_data/logging/log_recovery.h"
#include "services/process_data/logging/sqlite_log_store_fixture.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kHour = absl::Hours(1);
constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kTenYears = absl::Hours(24 * 3'650);

// A log A, whose records are kept for a day.
class LogAgeTest : public SqliteLogStoreFixture {
 protected:
  void SetUp() override {
    SqliteLogStoreFixture::SetUp();
    clock_.Advance(kHour);  // since the boot
    Configure({"A"}, 100 * kMegabyte);
  }

  void Add(size_t records = 1) {
    const auto added = Append(std::vector<NewRecord>(records, Record("A")));
    ASSERT_TRUE(added.ok()) << added.status();
  }

  std::vector<int64_t> Left() {
    const absl::StatusOr<bool> more = store_->Evict(NowOf(clock_));
    EXPECT_TRUE(more.ok()) << more.status();
    return Ids("A");
  }

  void Jump(absl::Duration by) { clock_.SetWall(clock_.WallNow() + by); }

  void Pass(int hours) {
    for (int i = 0; i < hours; ++i) {
      clock_.Advance(kHour);
      Left();
    }
  }

  // Was without power for a while, as far as the wall clock knows.
  void Boot(absl::Duration off) {
    store_.reset();
    clock_ = FakeClock(clock_.WallNow() + off);
    Reopen();
  }
};

TEST_F(LogAgeTest, NoJumpOfTheClockMakesRecordsOld) {
  Add();
  for (const absl::Duration jump : {kTenYears, -kTenYears, -5 * 365 * kDay, absl::Hours(30)}) {
    const size_t before = Left().size();
    Jump(jump);
    EXPECT_THAT(Left(), SizeIs(before)) << jump;
    Add();
    clock_.Advance(absl::Minutes(1));
    EXPECT_THAT(Left(), SizeIs(before + 1)) << jump;
    Reopen();
    EXPECT_THAT(Left(), SizeIs(before + 1)) << "another process, by the same clock: " << jump;
    Jump(-jump);
    EXPECT_THAT(Left(), SizeIs(before + 1)) << "back from " << jump;
    Add();
    EXPECT_THAT(Left(), SizeIs(before + 2)) << "back from " << jump;
  }
}

TEST_F(LogAgeTest, ARecordGoesADayAfterItWasMadeWhateverTheClockSays) {
  for (const absl::Duration jump : {kTenYears, -kTenYears, -kTenYears, kTenYears}) {
    Add();
    clock_.Advance(5 * kHour);
    Jump(jump);
  }
  EXPECT_THAT(Left(), ElementsAre(1, 2, 3, 4));
  for (int64_t first = 1; first <= 4; ++first) {
    clock_.Advance(4 * kHour - absl::Seconds(2));
    EXPECT_EQ(Left().front(), first);
    clock_.Advance(absl::Seconds(4));
    if (first == 4) break;
    EXPECT_EQ(Left().front(), first + 1);
    clock_.Advance(kHour - absl::Seconds(2));
  }
  EXPECT_THAT(Left(), IsEmpty());
  EXPECT_EQ(Query("SELECT count(*) FROM era"), "1\n") << "the others went with their records";
}

TEST_F(LogAgeTest, AProcessGoesOnWithTheAgeOfTheFormerOne) {
  Add();
  for (int i = 0; i < 23; ++i) {
    clock_.Advance(kHour);
    Jump(i % 2 == 0 ? kTenYears : -kTenYears);
    Reopen();
    EXPECT_THAT(Left(), ElementsAre(1));
  }
  clock_.Advance(kHour + absl::Seconds(3));
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(LogAgeTest, WithoutAJumpNoEraIsAdded) {
  for (int i = 0; i < 50; ++i) {
    Add();
    clock_.Advance(absl::Milliseconds(700));
    if (i % 10 == 0) Reopen();
    Left();
  }
  EXPECT_EQ(Query("SELECT count(*) FROM era"), "1\n");
}

TEST_F(LogAgeTest, TheTimeWithoutPowerCounts) {
  Add();
  clock_.Advance(2 * kHour);
  Add();
  Pass(5);
  Boot(11 * kHour);
  Pass(5);
  Boot(absl::ZeroDuration());
  EXPECT_THAT(Left(), ElementsAre(1, 2));
  clock_.Advance(kHour + absl::Seconds(3));
  EXPECT_THAT(Left(), ElementsAre(2));
  clock_.Advance(2 * kHour);
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(LogAgeTest, ABootYearsLaterCountsHalfADay) {
  Add();
  Boot(kTenYears);
  EXPECT_THAT(Left(), ElementsAre(1));
  Add();
  clock_.Advance(12 * kHour - absl::Seconds(1));
  EXPECT_THAT(Left(), ElementsAre(1, 2));
  clock_.Advance(absl::Seconds(4));
  EXPECT_THAT(Left(), ElementsAre(2));
  Jump(-kTenYears);
  clock_.Advance(11 * kHour);
  EXPECT_THAT(Left(), ElementsAre(2)) << "made by the wrong clock";
  clock_.Advance(kHour);
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(LogAgeTest, ADeviceThatStartsIn1970CountsOnceItHasTheTime) {
  const absl::Time end = clock_.WallNow();
  Add();
  store_.reset();
  clock_ = FakeClock(absl::UnixEpoch());
  Reopen();
  EXPECT_THAT(Left(), ElementsAre(1));
  clock_.Advance(absl::Minutes(50));
  EXPECT_THAT(Left(), ElementsAre(1));
  clock_.SetWall(end + 11 * kHour);
  Add();
  EXPECT_THAT(Left(), ElementsAre(1, 2));
  clock_.Advance(13 * kHour + absl::Seconds(3));
  EXPECT_THAT(Left(), ElementsAre(2));
}

TEST_F(LogAgeTest, ADeviceThatIsOnForSomeHoursADayCountsThemAll) {
  Add();
  clock_.Advance(absl::Seconds(1));
  for (int day = 0; day < 4; ++day) {
    EXPECT_THAT(Left(), ElementsAre(1)) << day;
    Pass(5);
    // The clock has no battery: it goes on with the time of before.
    Boot(absl::ZeroDuration());
  }
  clock_.Advance(4 * kHour + absl::Seconds(3));
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(LogAgeTest, AWaitForTheDiskIsPartOfTheAge) {
  NewRecord waiting = Record("A");
  clock_.Advance(5 * kHour);
  Jump(kTenYears);
  ASSERT_TRUE(Append({waiting, Record("A")}).ok());
  clock_.Advance(19 * kHour + absl::Seconds(3));
  EXPECT_THAT(Left(), ElementsAre(2));
  clock_.Advance(5 * kHour);
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(LogAgeTest, RecordsOfAClockThatWasNotSetDoNotKeepTheAgeFromActing) {
  const absl::Time right = clock_.WallNow();
  clock_.SetWall(absl::UnixEpoch());
  Add(25'000);
  clock_.SetWall(right);
  Add(10);
  clock_.Advance(kDay + absl::Seconds(3));
  Add();
  EXPECT_TRUE(*store_->Evict(NowOf(clock_)));
  EXPECT_EQ(Stored("A").dropped, 20'000u) << "at once";
  EXPECT_THAT(Left(), ElementsAre(25'011));
  EXPECT_EQ(Stored("A").dropped, 25'010u);
}

TEST_F(LogAgeTest, RecordsOfAFormerVersionAgeFromTheUpgradeOn) {
  Jump(kTenYears);
  OpenVersion1();
  ASSERT_TRUE(store_->Configure({{"Energy", {.max_bytes = kMegabyte, .max_age = kDay}}}).ok());
  const size_t records = Stored("Energy").records;
  ASSERT_GT(records, 0u);
  const auto left = [this] {
    EXPECT_TRUE(store_->Evict(NowOf(clock_)).ok());
    return Stored("Energy").records;
  };
  for (int hour = 0; hour < 24; ++hour) {
    EXPECT_EQ(left(), records);
    Reopen();
    clock_.Advance(kHour);
  }
  clock_.Advance(absl::Seconds(3));
  EXPECT_EQ(left(), 0u);
}

TEST_F(LogAgeTest, SavedRecordsAgeFromTheRecoveryOn) {
  Add(3);
  clock_.Advance(20 * kHour);
  store_.reset();
  ASSERT_TRUE(sqlite::NoteDamage(sqlite::RealDisk(), path_, "test").ok());
  ASSERT_TRUE(RecoverLogs(path_, sqlite::RealDisk(), clock_.WallNow())->has_value());
  Reopen();
  EXPECT_THAT(Left(), SizeIs(3));
  Pass(23);
  Add();
  EXPECT_THAT(Left(), SizeIs(4));
  clock_.Advance(kHour + absl::Seconds(3));
  EXPECT_THAT(Left(), ElementsAre(4));
}

// Whatever happens to the wall clock within a boot: a record goes a day after it
// was made, not before and at most some seconds later.
TEST_F(LogAgeTest, JumpsAndRestartsDoNotMatter) {
  std::mt19937_64 random(20'261'126);
  const auto pick = [&](int64_t last) {
    return std::uniform_int_distribution<int64_t>(0, last)(random);
  };
  std::vector<MonotonicTime> made;  // by id, from 1 on
  for (int step = 0; step < 200; ++step) {
    switch (pick(5)) {
      case 0:
        clock_.SetWall(absl::FromUnixSeconds(pick(4'000'000'000)));
        break;
      case 1:
        Reopen();
        break;
      case 2:
        Left();
        break;
      default:
        Add();
        made.push_back(clock_.Now());
    }
    clock_.Advance(absl::Milliseconds(pick(4'000'000)));
    const std::vector<int64_t> left = Left();
    const size_t gone = made.size() - left.size();
    const absl::Duration oldest = left.empty() ? absl::ZeroDuration() : clock_.Now() - made[gone];
    ASSERT_LT(oldest, kDay + absl::Seconds(4)) << "step " << step;
    if (gone == 0) continue;
    ASSERT_GT(clock_.Now() - made[gone - 1], kDay) << "step " << step;
  }
}

}  // namespace
}  // namespace fieldgate::process_data
