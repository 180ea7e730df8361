// PD-30 to PD-39: the thread, and those who call it.
#include "services/process_data/logging/data_logs.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "common/testing/process.h"
#include "services/process_data/logging/fake_log_store.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Ends a failing test; nothing takes this long.
constexpr absl::Duration kPatience = absl::Seconds(30);

// A disk whose commits hang until they are let go.
class SlowStore : public FakeLogStore {
 public:
  absl::StatusOr<std::vector<int64_t>> Append(
      const std::vector<NewRecord>& records, const std::map<std::string, uint64_t>& lost) override {
    hanging_ = true;
    while (hang_) std::this_thread::yield();
    hanging_ = false;
    return FakeLogStore::Append(records, lost);
  }
  void Hang(bool hang) { hang_ = hang; }
  bool hanging() const { return hanging_; }

 private:
  std::atomic<bool> hang_ = false;
  std::atomic<bool> hanging_ = false;
};

class DataLogsTest : public testing::Test {
 protected:
  DataLogsTest() : store_(new SlowStore), logs_(image_, Owned(), RealThreads(), KeepFresh()) {
    image_.ConfigureVariables({{"V", Value(int64_t{7})}}, absl::Now());
  }
  ~DataLogsTest() override { store_->Hang(false); }

  std::unique_ptr<LogStore> Owned() { return std::unique_ptr<LogStore>(store_); }

  // Notes what is to be kept fresh.
  LogRecorder::KeepFresh KeepFresh() {
    return [this](const std::vector<std::string>& paths) -> std::shared_ptr<void> {
      const std::lock_guard lock(mutex_);
      fresh_ = paths;
      return std::shared_ptr<void>(this, [this](void*) { ++released_; });
    };
  }

  static config_store::v1::Configuration OneLog(const std::string& name, uint32_t cycle_ms = 0,
                                                bool on_change = false) {
    config_store::v1::Configuration configuration;
    config_store::v1::Log& log = *configuration.add_logs();
    log.set_name(name);
    log.set_cycle_ms(cycle_ms);
    log.set_on_change(on_change);
    log.set_max_bytes(1 << 20);
    log.set_max_age_s(86'400);
    config_store::v1::DataPoint& point = *log.add_points();
    point.set_name("V");
    point.set_path("/Process/PV/V");
    return configuration;
  }

  absl::StatusOr<int64_t> Record(const std::string& log, absl::Duration patience = kPatience) {
    return logs_.Record(log, RealClock().Now() + patience);
  }
  // Its configuration is in force.
  bool Knows(const std::string& log) {
    return Eventually(kPatience, [&] {
      const auto listed = logs_.List();
      return listed.size() == 1 && listed[0].stored.name == log;
    });
  }
  size_t Count(const std::string& log) {
    const auto read = logs_.Read(log, {});
    return read.ok() ? read->records.size() : 0;
  }

  ProcessImage image_{absl::Now()};
  std::mutex mutex_;
  std::vector<std::string> fresh_;
  std::atomic<int> released_ = 0;
  SlowStore* store_;  // the logs'
  DataLogs logs_;
};

TEST_F(DataLogsTest, BeforeTheFirstConfigurationNothingIsRecorded) {
  EXPECT_EQ(Record("A").status(), absl::UnavailableError("no configuration has come yet"));
  EXPECT_THAT(logs_.List(), IsEmpty());
}

TEST_F(DataLogsTest, AnEmptyConfigurationIsOneToo) {
  logs_.Configure({});
  EXPECT_TRUE(Eventually(
      kPatience, [this] { return Record("A").status().code() == absl::StatusCode::kNotFound; }));
}

TEST_F(DataLogsTest, ACyclicLogIsRecordedByItself) {
  logs_.Configure(OneLog("A", 100));
  EXPECT_TRUE(Eventually(kPatience, [this] { return Count("A") >= 3; }));
}

TEST_F(DataLogsTest, AChangeIsRecordedByItself) {
  logs_.Configure(OneLog("A", 0, true));
  EXPECT_TRUE(Eventually(kPatience, [this] { return Count("A") == 1; })) << "the first value";
  ASSERT_TRUE(image_.Put("/Process/PV/V", Value(int64_t{8}), absl::Now()).ok());
  EXPECT_TRUE(Eventually(kPatience, [this] { return Count("A") == 2; }));
}

TEST_F(DataLogsTest, RecordAnswersWithTheIdOfWhatIsStored) {
  logs_.Configure(OneLog("A"));
  ASSERT_TRUE(Knows("A"));
  EXPECT_EQ(*Record("A"), 1);
  EXPECT_EQ(*Record("A"), 2);
  EXPECT_EQ(Count("A"), 2u);
  EXPECT_THAT(std::string(Record("B").status().message()),
              HasSubstr("there is no log 'B'; there are A"));
}

TEST_F(DataLogsTest, CallsThatWaitTogetherAreOneCommit) {
  logs_.Configure(OneLog("A"));
  ASSERT_TRUE(Knows("A"));
  store_->Hang(true);
  std::thread first([this] { EXPECT_TRUE(Record("A").ok()); });
  ASSERT_TRUE(Eventually(kPatience, [this] { return store_->hanging(); }));
  constexpr int kSurplus = 20;
  std::atomic<int> recorded = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> others;
  for (size_t i = 0; i < DataLogs::kMaxWaiting + kSurplus; ++i) {
    others.emplace_back([&] {
      const absl::Status status = Record("A").status();
      if (status.ok()) ++recorded;
      if (status == absl::UnavailableError("100 records are waiting for the disk")) ++refused;
    });
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return refused == kSurplus; }));
  store_->Hang(false);
  first.join();
  for (std::thread& other : others) other.join();
  EXPECT_EQ(recorded, static_cast<int>(DataLogs::kMaxWaiting));
  EXPECT_EQ(store_->commits(), 2);
}

TEST_F(DataLogsTest, WhileTheDiskHangsOthersGoOnAndAnswersComeInTime) {
  logs_.Configure(OneLog("A"));
  ASSERT_TRUE(Knows("A"));
  store_->Hang(true);
  EXPECT_EQ(Record("A", absl::Milliseconds(50)).status(),
            absl::UnavailableError("the disk did not answer in time"));
  EXPECT_EQ(Record("A", absl::Milliseconds(50)).status(),
            absl::UnavailableError("the disk was busy until the deadline; nothing recorded"));
  EXPECT_THAT(logs_.List(), SizeIs(1));
  ASSERT_TRUE(image_.Put("/Process/PV/V", Value(int64_t{8}), absl::Now()).ok());
  EXPECT_EQ((*image_.Read("/Process/PV/V"))[0].text, "8");
  store_->Hang(false);
  EXPECT_EQ(*Record("A"), 2) << "the first one was under way";
}

TEST_F(DataLogsTest, AFailingDiskIsListedWithItsReason) {
  store_->FailWith(absl::UnavailableError("disk full"));
  logs_.Configure(OneLog("A"));
  EXPECT_TRUE(Eventually(kPatience, [this] {
    const auto listed = logs_.List();
    return listed.size() == 1 && listed[0].error == "disk full";
  }));
  EXPECT_EQ(Record("A").status().code(), absl::StatusCode::kUnavailable);
  store_->FailWith(absl::OkStatus());
  EXPECT_TRUE(Eventually(kPatience, [this] { return logs_.List()[0].error.empty(); }));
}

TEST_F(DataLogsTest, WhileAFactoryResetCantBeDoneNothingIsShown) {
  logs_.Configure(OneLog("A"));
  ASSERT_TRUE(Knows("A"));
  ASSERT_TRUE(Record("A").ok());
  store_->FailWith(absl::UnavailableError("disk full"));
  config_store::v1::Configuration reset = OneLog("A");
  reset.set_factory_epoch(1);
  logs_.Configure(reset);
  EXPECT_TRUE(Eventually(kPatience, [this] {
    return logs_.Read("A", {}).status() ==
           absl::UnavailableError("the logs are being reset to the factory's state");
  }));
  EXPECT_EQ(logs_.List()[0].stored.records, 0u);
  store_->FailWith(absl::OkStatus());
  EXPECT_TRUE(Eventually(kPatience, [this] { return logs_.Read("A", {}).ok(); }));
  EXPECT_EQ(Count("A"), 0u);
}

TEST_F(DataLogsTest, TheSamePartOfAConfigurationDisturbsNothing) {
  logs_.Configure(OneLog("A"));
  ASSERT_TRUE(Knows("A"));
  const int before = released_;
  config_store::v1::Configuration configuration = OneLog("A");
  configuration.set_revision(99);
  logs_.Configure(configuration);
  ASSERT_TRUE(Record("A").ok());
  EXPECT_EQ(released_, before);
  logs_.Configure(OneLog("B"));
  EXPECT_TRUE(Eventually(kPatience, [this, before] { return released_ == before + 1; }));
}

TEST_F(DataLogsTest, ThePathsOfAllLogsAreKeptFresh) {
  logs_.Configure(OneLog("A"));
  ASSERT_TRUE(Knows("A"));
  const std::lock_guard lock(mutex_);
  EXPECT_THAT(fresh_, ElementsAre("/Process/PV/V"));
}

}  // namespace
}  // namespace fieldgate::process_data
