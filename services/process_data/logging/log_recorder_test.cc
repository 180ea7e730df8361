// PD-30 to PD-39: what is recorded when, in fake time.
#include "services/process_data/logging/log_recorder.h"

#include <gmock/gmock.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "services/process_data/logging/fake_log_store.h"
#include "services/process_data/report.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kSecond = absl::Seconds(1);

LogQuery Many() {
  LogQuery query;
  query.count = 1'000;
  return query;
}

class LogRecorderTest : public testing::Test {
 protected:
  LogRecorderTest() {
    device_ = image_.ConfigureDevices({{.path = "/Process/B/D", .points = {{"P", 1}, {"Q", 1}}}},
                                      clock_.WallNow())[0];
  }

  LogDefinition Log(const std::string& name, absl::Duration cycle, bool on_change,
                    const std::vector<std::string>& paths = {"/Process/B/D/P"}) {
    LogDefinition log;
    log.name = name;
    log.cycle = cycle;
    log.on_change = on_change;
    log.bounds = {.max_bytes = 1 << 20, .max_age = absl::Hours(24)};
    LogLayout layout;
    for (const std::string& path : paths) {
      layout.names.push_back(path.substr(path.rfind('/') + 1));
      layout.paths.push_back(path);
    }
    log.layout = std::make_shared<const LogLayout>(layout);
    return log;
  }

  void Configure(std::vector<LogDefinition> logs, int64_t epoch = 0) {
    recorder_.Configure(std::move(logs), epoch);
  }

  void Poll(int64_t p, int64_t q = 0) {
    const std::vector<Sample> samples = {Sample::Int(p), Sample::Int(q)};
    const std::vector<std::string> texts(2);
    image_.CommitPoll(
        device_,
        {.answered = true, .samples = samples, .texts = texts, .sampled_at = clock_.WallNow()});
  }
  void FailPoll() {
    image_.CommitPoll(device_, {.answered = false, .sampled_at = clock_.WallNow()});
  }

  // Time passes and what is due then is done.
  void Pass(absl::Duration time, absl::Duration step = absl::Milliseconds(100)) {
    for (absl::Duration passed; passed < time; passed += step) {
      clock_.Advance(step);
      recorder_.Run({});
    }
  }

  // "3: 5/1 6/0" is the record 3 of the values 5, valid, and 6, invalid.
  std::vector<std::string> Records(const std::string& log) {
    std::vector<std::string> records;
    const absl::StatusOr<LogRecords> read = store_.Read(log, Many());
    if (!read.ok()) return {read.status().ToString()};
    for (const LogRecords::Record& record : read->records) {
      std::string& text = records.emplace_back(absl::StrCat(record.id, ":"));
      for (size_t i = 0; i < record.values.size(); ++i) {
        const bool none = record.values.kinds[i] == 0;
        absl::StrAppend(&text, " ", none ? "none" : absl::StrCat(record.values.bits[i]), "/",
                        static_cast<int>(record.values.states[i]));
      }
    }
    return records;
  }

  std::string Shown(const std::string& path) {
    const auto readings = image_.Read(absl::StrCat("/Process/Log/", path));
    return readings.ok() ? readings->front().text : std::string(readings.status().message());
  }

  FakeClock clock_;
  ProcessImage image_{clock_.WallNow()};
  DeviceHandle device_;
  FakeLogStore store_;
  LogRecorder recorder_{image_, store_, clock_, nullptr};
};

TEST_F(LogRecorderTest, ACyclicLogIsRecordedOnceACycle) {
  Configure({Log("A", kSecond, false)});
  Poll(5);
  Pass(kSecond);
  EXPECT_THAT(Records("A"), ElementsAre("1: 5/1"));
  Poll(6);
  Pass(2 * kSecond);
  EXPECT_THAT(Records("A"), ElementsAre("1: 5/1", "2: 6/1", "3: 6/1"));
}

TEST_F(LogRecorderTest, ARecordHasTheTimeOfItsRecording) {
  Configure({Log("A", kSecond, false)});
  Poll(5);
  Pass(kSecond);
  EXPECT_EQ(store_.Read("A", {})->records[0].recorded_at, clock_.WallNow());
}

TEST_F(LogRecorderTest, AStallIsNotMadeUpForByABurst) {
  Configure({Log("A", kSecond, false)});
  Poll(5);
  clock_.Advance(absl::Seconds(10.5));
  recorder_.Run({});
  recorder_.Run({});
  EXPECT_THAT(Records("A"), SizeIs(1));
  Pass(absl::Milliseconds(500));
  EXPECT_THAT(Records("A"), SizeIs(2)) << "on the old grid";
}

TEST_F(LogRecorderTest, AClockJumpBackwardsDoesNotStallACyclicLog) {
  Configure({Log("A", kSecond, false)});
  Poll(5);
  Pass(kSecond);
  clock_.SetWall(absl::FromUnixSeconds(1'000'000'000));
  Pass(2 * kSecond);
  EXPECT_THAT(Records("A"), ElementsAre("1: 5/1", "2: 5/1", "3: 5/1"));
  EXPECT_LT(store_.Read("A", {})->records[1].recorded_at,
            store_.Read("A", {})->records[0].recorded_at);
}

TEST_F(LogRecorderTest, InvalidAndUnknownValuesAreRecordedWithTheirState) {
  Configure({Log("A", kSecond, false, {"/Process/B/D/P", "/Process/B/D/X", "/Process/PV/V"})});
  image_.ConfigureVariables({{"V", Value(int64_t{7})}}, clock_.WallNow());
  Poll(5);
  FailPoll();
  Pass(kSecond);
  EXPECT_THAT(Records("A"), ElementsAre("1: 5/0 none/0 7/2"));
}

TEST_F(LogRecorderTest, AllThatIsDueAtOnceIsOneCommit) {
  Configure({Log("A", kSecond, false), Log("B", kSecond, true), Log("C", kSecond, false)});
  Poll(5);
  clock_.Advance(kSecond);
  recorder_.Run({});
  EXPECT_EQ(store_.commits(), 1);
  for (const char* log : {"A", "B", "C"}) EXPECT_THAT(Records(log), ElementsAre("1: 5/1"));
}

TEST_F(LogRecorderTest, ALogOnChangeIsRecordedWhenAValueOrStateChanges) {
  Configure({Log("A", absl::ZeroDuration(), true)});
  Pass(kSecond);
  EXPECT_THAT(Records("A"), IsEmpty()) << "never read";
  Poll(5);
  Pass(kSecond);
  Poll(5);
  Pass(kSecond);
  EXPECT_THAT(Records("A"), ElementsAre("1: 5/1"));
  Poll(6);
  Pass(kSecond);
  FailPoll();
  Pass(kSecond);
  EXPECT_THAT(Records("A"), ElementsAre("1: 5/1", "2: 6/1", "3: 6/0"));
}

TEST_F(LogRecorderTest, AnotherPointOfTheDeviceIsNoChange) {
  Configure({Log("A", absl::ZeroDuration(), true)});
  Poll(5, 1);
  Pass(kSecond);
  Poll(5, 2);
  Pass(kSecond);
  EXPECT_THAT(Records("A"), SizeIs(1));
}

TEST_F(LogRecorderTest, ChangesAreGatheredForAnInstantAndNoneIsLost) {
  Configure({Log("A", absl::ZeroDuration(), true)});
  for (int i = 1; i <= 9; ++i) {
    Poll(i);
    recorder_.Run({});
    clock_.Advance(absl::Milliseconds(10));
  }
  EXPECT_EQ(store_.commits(), 0);
  EXPECT_EQ(recorder_.Next(), clock_.Now() + absl::Milliseconds(10));
  clock_.Advance(absl::Milliseconds(10));
  recorder_.Run({});
  EXPECT_EQ(store_.commits(), 1);
  EXPECT_THAT(Records("A"), SizeIs(9));
}

TEST_F(LogRecorderTest, TheEndStoresWhatHasBeenGathered) {
  Configure({Log("A", absl::ZeroDuration(), true)});
  Poll(5);
  recorder_.Run({});
  recorder_.Flush();
  EXPECT_THAT(Records("A"), SizeIs(1));
}

TEST_F(LogRecorderTest, ACyclicRecordIsNotRepeatedAsAChange) {
  Configure({Log("A", kSecond, true)});
  clock_.Advance(kSecond);
  Poll(5);
  recorder_.Run({});
  Pass(absl::Milliseconds(500));
  EXPECT_THAT(Records("A"), SizeIs(1));
}

TEST_F(LogRecorderTest, ARequestIsRecordedAtOnceWithItsId) {
  Configure({Log("A", absl::ZeroDuration(), false), Log("B", kSecond, false)});
  Poll(5);
  EXPECT_THAT(recorder_.Run({"A"}), ElementsAre(absl::StatusOr<int64_t>(1)));
  Poll(6);
  EXPECT_THAT(recorder_.Run({"A", "A"}),
              ElementsAre(absl::StatusOr<int64_t>(2), absl::StatusOr<int64_t>(3)));
  EXPECT_THAT(Records("A"), ElementsAre("1: 5/1", "2: 6/1", "3: 6/1"));
}

TEST_F(LogRecorderTest, ARequestForAnUnknownLogNamesThoseThatThereAre) {
  EXPECT_EQ(recorder_.Run({"A"})[0].status(),
            absl::UnavailableError("no configuration has come yet"));
  Configure({});
  EXPECT_EQ(recorder_.Run({"A"})[0].status(),
            absl::NotFoundError("there is no log 'A'; none is configured"));
  Configure({Log("B", kSecond, false), Log("C", kSecond, false)});
  const auto results = recorder_.Run({"A", "C"});
  EXPECT_EQ(results[0].status(), absl::NotFoundError("there is no log 'A'; there are B, C"));
  EXPECT_TRUE(results[1].ok()) << "the others are recorded";
}

TEST_F(LogRecorderTest, WhileTheDiskIsFullTheErrorIsShownAndNothingIsLost) {
  Configure({Log("A", kSecond, false), Log("B", absl::ZeroDuration(), false)});
  Poll(5);
  store_.FailWith(absl::UnavailableError("disk full"));
  Pass(3 * kSecond);
  EXPECT_EQ(recorder_.Errors().at("A"), "disk full");
  EXPECT_EQ(recorder_.Errors().at("B"), "") << "it had nothing to be stored";
  EXPECT_EQ(Shown("A/Error"), "disk full");
  EXPECT_EQ(Shown("A/Records"), "0");
  store_.FailWith(absl::OkStatus());
  Pass(kSecond);
  EXPECT_EQ(recorder_.Errors().at("A"), "");
  EXPECT_EQ(Shown("A/Error"), "");
  EXPECT_THAT(Records("A"), ElementsAre("1: 5/1", "2: 5/1", "3: 5/1", "4: 5/1"));
}

TEST_F(LogRecorderTest, ARequestThatFailedIsNotStoredLater) {
  Configure({Log("A", absl::ZeroDuration(), false)});
  Poll(5);
  store_.FailWith(absl::UnavailableError("disk full"));
  EXPECT_EQ(recorder_.Run({"A"})[0].status(), absl::UnavailableError("disk full"));
  store_.FailWith(absl::OkStatus());
  Pass(5 * kSecond);
  EXPECT_THAT(Records("A"), IsEmpty());
  EXPECT_EQ(*recorder_.Run({"A"})[0], 1);
}

TEST_F(LogRecorderTest, WhatWaitsForTheDiskIsBoundedAndWhatIsLostIsCounted) {
  image_.ConfigureVariables({{"V", Value(std::string(1'000, 'x'))}}, clock_.WallNow());
  Configure({Log("A", kSecond, false, {"/Process/PV/V"})});
  store_.FailWith(absl::UnavailableError("disk full"));
  Pass(2'000 * kSecond, kSecond);
  store_.FailWith(absl::OkStatus());
  Pass(2 * kSecond);
  const StoredLog log = store_.Logs()[0];
  EXPECT_GT(log.records, 800u);
  EXPECT_LT(log.records, 1'000u);
  EXPECT_EQ(log.records + log.dropped, 2'002u);
  EXPECT_EQ(log.last_id, static_cast<int64_t>(log.records)) << "ids have no gap";
}

TEST_F(LogRecorderTest, ADiskThatFailsFromTheStartIsTriedAgain) {
  store_.FailWith(absl::UnavailableError("disk full"));
  Configure({Log("A", kSecond, false)});
  Poll(5);
  EXPECT_EQ(recorder_.Errors().at("A"), "disk full");
  EXPECT_EQ(recorder_.Run({"A"})[0].status(), absl::UnavailableError("disk full"));
  Pass(2 * kSecond);
  store_.FailWith(absl::OkStatus());
  Pass(2 * kSecond);
  EXPECT_EQ(recorder_.Errors().at("A"), "");
  EXPECT_THAT(Records("A"), SizeIs(4)) << "those of before, too";
}

TEST_F(LogRecorderTest, AChangeOfOneLogDoesNotDisturbTheOthers) {
  Configure({Log("A", 10 * kSecond, false), Log("B", absl::ZeroDuration(), true)});
  Poll(5);
  Pass(6 * kSecond);
  ASSERT_THAT(Records("A"), SizeIs(1)) << "after some seconds";
  ASSERT_THAT(Records("B"), SizeIs(1));
  Configure({Log("C", kSecond, false), Log("B", absl::ZeroDuration(), true),
             Log("A", 10 * kSecond, false)});
  Pass(8 * kSecond);
  EXPECT_THAT(Records("A"), SizeIs(1));
  EXPECT_THAT(Records("B"), SizeIs(1)) << "no value has changed";
  Pass(2 * kSecond);
  EXPECT_THAT(Records("A"), SizeIs(2));
}

TEST_F(LogRecorderTest, AnotherDefinitionBeginsALayoutOfItsOwn) {
  Configure({Log("A", kSecond, false)});
  Poll(5, 6);
  Pass(kSecond);
  Configure({Log("A", kSecond, false, {"/Process/B/D/Q", "/Process/B/D/P"})});
  Pass(kSecond);
  EXPECT_THAT(Records("A"), ElementsAre("1: 5/1", "2: 6/1 5/1"));
  const LogRecords read = *store_.Read("A", {});
  ASSERT_THAT(read.layouts, SizeIs(2));
  EXPECT_THAT(read.layouts[0].paths, ElementsAre("/Process/B/D/P"));
  EXPECT_THAT(read.layouts[1].names, ElementsAre("Q", "P"));
  EXPECT_EQ(read.records[1].layout, 1u);
}

TEST_F(LogRecorderTest, AChangeOfTheBusesIsAChangeOfTheState) {
  Configure({Log("A", absl::ZeroDuration(), true)});
  Poll(5);
  Pass(kSecond);
  image_.ConfigureDevices({}, clock_.WallNow());
  Pass(kSecond);
  EXPECT_THAT(Records("A"), ElementsAre("1: 5/1", "2: none/0"));
}

TEST_F(LogRecorderTest, ARemovedLogIsRecordedNoMore) {
  Configure({Log("A", kSecond, false)});
  Poll(5);
  Pass(kSecond);
  Configure({});
  Pass(5 * kSecond);
  EXPECT_THAT(Records("A"), SizeIs(1)) << "but can be read";
  EXPECT_THAT(Shown("A"), HasSubstr("nothing has the path"));
}

TEST_F(LogRecorderTest, AgeTakesRecordsAlsoWhileNothingIsRecorded) {
  LogDefinition log = Log("A", absl::ZeroDuration(), false);
  log.bounds.max_age = absl::Seconds(30);
  Configure({log});
  ASSERT_TRUE(recorder_.Run({"A"})[0].ok());
  Pass(29 * kSecond);
  EXPECT_THAT(Records("A"), SizeIs(1));
  Pass(5 * kSecond);
  EXPECT_THAT(Records("A"), IsEmpty());
  EXPECT_EQ(Shown("A/Dropped"), "1");
  EXPECT_EQ(Shown("A/LastRecord"), "1");
}

TEST_F(LogRecorderTest, NoJumpOfTheClockMakesRecordsOld) {
  clock_.Advance(absl::Hours(30));  // since the boot
  Configure({Log("A", kSecond, false)});
  Poll(5);
  const absl::Time start = clock_.WallNow();
  for (const int years : {10, 0, -10, 0}) {
    clock_.SetWall(start + years * absl::Hours(24 * 365));
    Pass(absl::Minutes(2), kSecond);
  }
  EXPECT_THAT(Records("A"), SizeIs(480));
}

TEST_F(LogRecorderTest, EachLogIsShownInTheImage) {
  Configure({Log("A", kSecond, false), Log("B", kSecond, false)});
  EXPECT_EQ(Shown("A/LastRecord"), "0");
  Poll(5);
  Pass(3 * kSecond);
  EXPECT_EQ(Shown("A/LastRecord"), "3");
  EXPECT_EQ(Shown("A/Records"), "3");
  EXPECT_EQ(Shown("B/Dropped"), "0");
  EXPECT_EQ(Shown("B/Error"), "");
}

TEST_F(LogRecorderTest, AnotherFactoryEpochForgetsAllRecords) {
  Configure({Log("A", kSecond, false)}, 1);
  Poll(5);
  Pass(kSecond);
  Configure({Log("A", kSecond, false)}, 1);
  EXPECT_THAT(Records("A"), SizeIs(1));
  Configure({Log("A", kSecond, false)}, 2);
  EXPECT_THAT(Records("A"), IsEmpty());
  Pass(kSecond);
  EXPECT_THAT(Records("A"), SizeIs(1));
}

TEST_F(LogRecorderTest, AFactoryResetThatFailsHidesTheRecordsUntilItIsDone) {
  Configure({Log("A", absl::ZeroDuration(), true)}, 1);
  Poll(5);
  recorder_.Run({});  // gathered, not stored
  store_.FailWith(absl::UnavailableError("disk full"));
  Configure({Log("A", absl::ZeroDuration(), true)}, 2);
  EXPECT_FALSE(recorder_.readable());
  store_.FailWith(absl::OkStatus());
  Pass(2 * kSecond);
  EXPECT_TRUE(recorder_.readable());
  EXPECT_THAT(Records("A"), ElementsAre("1: 5/1")) << "the present value, of after the reset";
}

TEST_F(LogRecorderTest, WaitEndsWhenAWatchedValueComes) {
  Configure({Log("A", absl::ZeroDuration(), true)});
  recorder_.Run({});
  std::thread other([this] { Poll(5); });
  recorder_.Wait();  // otherwise for a minute
  other.join();
  recorder_.Run({});
  recorder_.Flush();
  EXPECT_THAT(Records("A"), SizeIs(1));
}

TEST_F(LogRecorderTest, WaitEndsByAnInterruptThatCameBefore) {
  Configure({Log("A", absl::ZeroDuration(), true)});
  recorder_.Run({});
  recorder_.Interrupt();
  recorder_.Wait();
}

TEST(DefinitionOfTest, AGpsPointHasTwoColumns) {
  config_store::v1::Log log;
  log.set_name("A");
  log.set_cycle_ms(1'500);
  log.set_on_change(true);
  log.set_max_bytes(1 << 20);
  log.set_max_age_s(60);
  config_store::v1::DataPoint& point = *log.add_points();
  point.set_name("G");
  point.set_path("/GNSS/Latitude");
  point.set_second_path("/GNSS/Longitude");
  const LogDefinition definition = DefinitionOf(log);
  EXPECT_EQ(definition.cycle, absl::Milliseconds(1'500));
  EXPECT_TRUE(definition.on_change);
  EXPECT_EQ(definition.bounds.max_bytes, 1 << 20);
  EXPECT_EQ(definition.bounds.max_age, absl::Minutes(1));
  EXPECT_THAT(definition.layout->names, ElementsAre("G", "G"));
  EXPECT_THAT(definition.layout->paths, ElementsAre("/GNSS/Latitude", "/GNSS/Longitude"));
}

TEST_F(LogRecorderTest, OnALowDiskTheOldestRecordsGoInsteadOfGrowth) {
  // Records of about a kilobyte; 64 KiB a log may always have.
  Configure({Log("A", kSecond, false, std::vector<std::string>(100, "/Process/B/D/P"))});
  Poll(INT64_MAX / 3);
  const auto stored = [this] { return store_.Logs().at(0); };
  Pass(absl::Seconds(500), kSecond);
  ASSERT_EQ(stored().dropped, 0u);
  const uint64_t before = stored().bytes;
  ASSERT_GT(before, 65'536u);
  store_.SetFreeBytes(1 << 20);
  Pass(absl::Seconds(100), kSecond);
  EXPECT_LE(stored().bytes, before + before / 200) << "two records at most";
  EXPECT_GT(stored().dropped, 90u);
  EXPECT_EQ(stored().last_id, 600) << "recording goes on";

  const uint64_t dropped = stored().dropped;
  store_.SetFreeBytes(100 << 20);
  Pass(absl::Seconds(100), kSecond);
  EXPECT_EQ(stored().last_id, 700);
  EXPECT_LE(stored().dropped, dropped + 2);
  EXPECT_GT(stored().bytes, before);
}

TEST_F(LogRecorderTest, ADiskThatCanNotBeAskedIsNotLow) {
  Configure({Log("A", kSecond, false)});
  store_.FailWith(absl::UnavailableError("input/output error"));
  Pass(absl::Seconds(3));
  store_.FailWith(absl::OkStatus());
  Pass(absl::Seconds(3));
  EXPECT_EQ(store_.Logs().at(0).dropped, 0u);
}

}  // namespace
}  // namespace fieldgate::process_data
