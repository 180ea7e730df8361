// Data logging over real gRPC, on a real file, of values of a simulated device.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/testing/process.h"
#include "tests/component/process_data/process_data_harness.h"
#include "tests/simulators/modbus/modbus_simulator.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A disk that takes no more, as long as it lives.
class FullDisk {
 public:
  explicit FullDisk(uint64_t max_file_bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = max_file_bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

class LogsTest : public testing::Test {
 protected:
  LogsTest() {
    config_store::v1::Acquisition acquisition =
        OneBus("Bus", {ModbusDevice("Dev", field_->port(), 2)});
    auto& variable = *acquisition.add_process_variables();
    variable.set_name("V");
    variable.set_initial_value("auto");
    harness_.config_store().Serve(acquisition);
  }

  static config_store::v1::Log Log(const std::string& name, uint32_t cycle_ms, bool on_change,
                                   const std::vector<std::string>& paths) {
    config_store::v1::Log log;
    log.set_name(name);
    log.set_cycle_ms(cycle_ms);
    log.set_on_change(on_change);
    log.set_max_bytes(1 << 20);
    log.set_max_age_s(86'400);
    for (const std::string& path : paths) {
      config_store::v1::DataPoint& point = *log.add_points();
      point.set_name(path.substr(path.rfind('/') + 1));
      point.set_path(path);
    }
    return log;
  }

  template <class Request, class Response>
  using Method = grpc::Status (v1::ProcessData::Stub::*)(grpc::ClientContext*, const Request&,
                                                         Response*);
  template <class Request, class Response>
  absl::Status Call(Method<Request, Response> method, const Request& request, Response* response) {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kPatience);
    context.set_wait_for_ready(true);
    return rpc::FromGrpc((harness_.stub().*method)(&context, request, response));
  }

  absl::StatusOr<int64_t> Record(const std::string& log) {
    v1::RecordLogRequest request;
    request.set_log(log);
    v1::RecordLogResponse response;
    const absl::Status status = Call(&v1::ProcessData::Stub::RecordLog, request, &response);
    if (!status.ok()) return status;
    return response.id();
  }

  absl::StatusOr<v1::ReadLogResponse> Read(const std::string& log, int count = 0,
                                           int64_t after_id = 0) {
    v1::ReadLogRequest request;
    request.set_log(log);
    request.set_count(count);
    request.set_after_id(after_id);
    v1::ReadLogResponse response;
    const absl::Status status = Call(&v1::ProcessData::Stub::ReadLog, request, &response);
    if (!status.ok()) return status;
    return response;
  }

  v1::ListLogsResponse::Log Listed(const std::string& name) {
    v1::ListLogsResponse response;
    EXPECT_TRUE(Call(&v1::ProcessData::Stub::ListLogs, v1::ListLogsRequest(), &response).ok());
    for (const auto& log : response.logs()) {
      if (log.name() == name) return log;
    }
    return {};
  }

  bool HasRecords(const std::string& log, uint64_t count) {
    return Eventually(kPatience, [&] { return Listed(log).records() >= count; });
  }

  std::unique_ptr<ModbusSimulator> field_ = *ModbusSimulator::Start({});
  ProcessDataHarness harness_;
};

TEST_F(LogsTest, ACyclicLogIsRecordedAndRead) {
  field_->SetHoldingRegister(0, 42);
  harness_.config_store().ServeLogs(
      {Log("Energy", 100, false, {"/Process/Bus/Dev/P0", "/Process/PV/V"})});
  ASSERT_TRUE(HasRecords("Energy", 3));
  const absl::StatusOr<v1::ReadLogResponse> read = Read("Energy");
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->layouts_size(), 1);
  EXPECT_THAT(read->layouts(0).names(), ElementsAre("P0", "V"));
  EXPECT_THAT(read->layouts(0).paths(), ElementsAre("/Process/Bus/Dev/P0", "/Process/PV/V"));
  const v1::ReadLogResponse::Record& last = *read->records().rbegin();
  EXPECT_EQ(last.kinds(), (std::string{char{v1::UINT}, char{v1::TEXT}}));
  EXPECT_EQ(last.states(), (std::string{1, 2}));
  EXPECT_THAT(last.bits(), ElementsAre(42, 0));
  EXPECT_THAT(last.texts(), ElementsAre("auto"));
  EXPECT_EQ(read->records(0).id(), 1);
  EXPECT_GT(last.recorded_at_us(), read->records(0).recorded_at_us());
}

TEST_F(LogsTest, AChangeOnTheBusIsRecorded) {
  harness_.config_store().ServeLogs({Log("Alarms", 0, true, {"/Process/Bus/Dev/P0"})});
  ASSERT_TRUE(HasRecords("Alarms", 1));
  for (const char* value : {"1", "2"}) {
    const uint64_t before = Listed("Alarms").records();
    ASSERT_TRUE(harness_.Set("/Process/Bus/Dev/P0", value).ok());
    ASSERT_TRUE(HasRecords("Alarms", before + 1));
  }
  const absl::StatusOr<v1::ReadLogResponse> read = Read("Alarms");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->records().rbegin()->bits(0), 2u);
}

TEST_F(LogsTest, RecordLogAnswersWithTheIdOfADurableRecord) {
  harness_.config_store().ServeLogs({Log("OnDemand", 0, false, {"/Process/PV/V"})});
  ASSERT_TRUE(Eventually(kPatience, [this] { return Listed("OnDemand").name() == "OnDemand"; }));
  EXPECT_EQ(*Record("OnDemand"), 1);
  ASSERT_TRUE(harness_.Set("/Process/PV/V", "manual").ok());
  EXPECT_EQ(*Record("OnDemand"), 2);
  harness_.StopProcessData();
  harness_.StartProcessData();
  ASSERT_TRUE(Eventually(kPatience, [this] { return Record("OnDemand").ok(); }));
  const absl::StatusOr<v1::ReadLogResponse> read = Read("OnDemand");
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->records_size(), 3);
  EXPECT_EQ(read->records(1).texts(0), "manual");
  EXPECT_EQ(read->records(2).id(), 3);
}

TEST_F(LogsTest, EachErrorHasItsCode) {
  harness_.config_store().ServeLogs({Log("A", 0, false, {"/Process/PV/V"})});
  ASSERT_TRUE(Eventually(kPatience, [this] { return Listed("A").name() == "A"; }));
  const absl::Status unknown = Record("B").status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("there is no log 'B'; there are A"));
  EXPECT_EQ(Read("B").status().code(), absl::StatusCode::kNotFound);
  for (const int count : {-1, 1'001}) {
    const absl::Status wrong = Read("A", count).status();
    EXPECT_EQ(wrong.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(wrong.message()), HasSubstr("is not from 1 to 1000"));
  }
  EXPECT_TRUE(Read("A", 1'000).ok());
}

TEST_F(LogsTest, AFullDiskStopsNeitherPollingNorReadingAndRecordingGoesOnAfterwards) {
  harness_.config_store().ServeLogs({Log("A", 100, false, {"/Process/Bus/Dev/P0"})});
  ASSERT_TRUE(HasRecords("A", 2));
  {
    const FullDisk full(8'192);
    ASSERT_TRUE(Eventually(kPatience, [this] { return !Listed("A").error().empty(); }));
    EXPECT_EQ(Record("A").status().code(), absl::StatusCode::kUnavailable);
    EXPECT_TRUE(harness_.Becomes("/Process/Log/A/Error", Listed("A").error()));
    EXPECT_TRUE(Read("A").ok());
    const uint64_t polls = harness_.StatusOf("/Process/Bus/Dev").polls();
    EXPECT_TRUE(Eventually(
        kPatience, [&] { return harness_.StatusOf("/Process/Bus/Dev").polls() > polls + 10; }));
    EXPECT_EQ(harness_.Get("/Process/Bus/Dev/DeviceState"), "1");
  }
  const uint64_t before = Listed("A").records();
  ASSERT_TRUE(HasRecords("A", before + 3));
  EXPECT_EQ(Listed("A").error(), "");
  EXPECT_EQ(Listed("A").dropped(), 0u) << "what was recorded meanwhile was kept";
}

TEST_F(LogsTest, RecordingGoesOnWithoutConfigStore) {
  harness_.config_store().ServeLogs({Log("A", 100, false, {"/Process/Bus/Dev/P0"})});
  ASSERT_TRUE(HasRecords("A", 1));
  harness_.StopConfigStore();
  EXPECT_TRUE(HasRecords("A", Listed("A").records() + 3));
}

TEST_F(LogsTest, AChangedAndARemovedLogKeepTheirRecords) {
  harness_.config_store().ServeLogs({Log("A", 100, false, {"/Process/Bus/Dev/P0"})});
  ASSERT_TRUE(HasRecords("A", 1));
  harness_.config_store().ServeLogs(
      {Log("A", 100, false, {"/Process/Bus/Dev/P1", "/Process/Bus/Dev/P0"})});
  ASSERT_TRUE(Eventually(kPatience, [this] { return Read("A")->layouts_size() == 2; }));
  harness_.config_store().ServeLogs({});
  ASSERT_TRUE(Eventually(
      kPatience, [this] { return Record("A").status().code() == absl::StatusCode::kNotFound; }));
  const absl::StatusOr<v1::ReadLogResponse> read = Read("A");
  ASSERT_TRUE(read.ok());
  EXPECT_THAT(read->layouts(read->records(0).layout()).names(), ElementsAre("P0"));
  EXPECT_THAT(read->layouts(read->records().rbegin()->layout()).names(), ElementsAre("P1", "P0"));
  EXPECT_EQ(Listed("A").records(), static_cast<uint64_t>(read->records_size()));
}

TEST_F(LogsTest, EachLogIsShownUnderProcessLogAndCantBeSet) {
  harness_.config_store().ServeLogs({Log("A", 0, false, {"/Process/PV/V"})});
  ASSERT_TRUE(harness_.Becomes("/Process/Log/A/Records", "0"));
  ASSERT_TRUE(Record("A").ok());
  EXPECT_TRUE(harness_.Becomes("/Process/Log/A/LastRecord", "1"));
  EXPECT_EQ(harness_.Get("/Process/Log/A/Records"), "1");
  EXPECT_EQ(harness_.Set("/Process/Log/A/Records", "0").code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(LogsTest, ValuesOfTheDeviceAreReadForALog) {
  harness_.config_store().ServeLogs({Log("A", 0, false, {"/Process/MB/CPULoad"})});
  ASSERT_TRUE(harness_.Becomes("/Process/Log/A/Records", "0"));
  ASSERT_TRUE(Record("A").ok());
  const absl::StatusOr<v1::ReadLogResponse> read = Read("A");
  ASSERT_TRUE(read.ok());
  EXPECT_NE(read->records(0).kinds()[0], char{v1::NONE});
  EXPECT_EQ(read->records(0).states()[0], 2);
}

TEST_F(LogsTest, AFactoryResetForgetsVariablesAndRecords) {
  harness_.config_store().ServeLogs({Log("A", 0, false, {"/Process/PV/V"})});
  ASSERT_TRUE(harness_.Becomes("/Process/Log/A/Records", "0"));
  ASSERT_TRUE(harness_.Set("/Process/PV/V", "manual").ok());
  ASSERT_TRUE(Record("A").ok());
  // Missed, since the service was away.
  harness_.StopProcessData();
  harness_.config_store().ServeFactoryEpoch(1);
  harness_.StartProcessData();
  EXPECT_TRUE(harness_.Becomes("/Process/PV/V", "auto"));
  EXPECT_TRUE(harness_.Becomes("/Process/Log/A/Records", "0"));
  EXPECT_EQ(Read("A")->records_size(), 0);
  ASSERT_TRUE(harness_.Set("/Process/PV/V", "manual").ok());
  ASSERT_TRUE(Record("A").ok());
  // And while it is there.
  harness_.config_store().ServeFactoryEpoch(2);
  EXPECT_TRUE(harness_.Becomes("/Process/PV/V", "auto"));
  EXPECT_TRUE(harness_.Becomes("/Process/Log/A/Records", "0"));
}

}  // namespace
}  // namespace fieldgate::process_data
