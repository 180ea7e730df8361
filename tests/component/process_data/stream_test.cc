// Subscriptions over real gRPC to a real Modbus device.
#include <gmock/gmock.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "common/testing/process.h"
#include "tests/component/process_data/process_data_harness.h"
#include "tests/simulators/modbus/modbus_simulator.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kPoints = 1000;

class StreamTest : public testing::Test {
 protected:
  struct Stream {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::ValueBatch>> reader;
    v1::ValueBatch batch;

    bool Read() { return reader->Read(&batch); }
    ~Stream() {
      context.TryCancel();
      reader->Finish();
    }
  };

  std::unique_ptr<Stream> Subscribe(const std::vector<std::string>& paths, bool subtree = false) {
    auto stream = std::make_unique<Stream>();
    rpc::SetTimeout(stream->context, kPatience);
    v1::SubscribeRequest request;
    for (const std::string& path : paths) request.add_paths(path);
    request.set_subtree(subtree);
    stream->reader = harness_.stub().Subscribe(&stream->context, request);
    return stream;
  }

  ProcessDataHarness harness_;
  std::unique_ptr<ModbusSimulator> field_ = *ModbusSimulator::Start({.changing = kPoints});
};

TEST_F(StreamTest, APollOfAThousandRegistersIsOneBatchOfOneRun) {
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), kPoints)}));
  ASSERT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "1"));
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < kPoints; ++i) paths.push_back(absl::StrCat("/Process/Bus/Dev/P", i));
  const auto stream = Subscribe(paths);
  ASSERT_TRUE(stream->Read());
  ASSERT_EQ(stream->batch.dictionary().paths_size(), static_cast<int>(kPoints));
  EXPECT_EQ(stream->batch.dictionary().paths(7), "/Process/Bus/Dev/P7");
  EXPECT_EQ(stream->batch.dictionary().origins(), std::string(kPoints, char{v1::BUS}));
  int64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(stream->batch.runs_size(), 1);
    EXPECT_EQ(stream->batch.runs(0).first(), 0u);
    EXPECT_EQ(stream->batch.runs(0).count(), kPoints);
    EXPECT_GT(stream->batch.runs(0).sampled_at_us(), last);
    last = stream->batch.runs(0).sampled_at_us();
    EXPECT_EQ(stream->batch.kinds(), std::string(kPoints, char{v1::UINT}));
    EXPECT_EQ(stream->batch.states(), std::string(kPoints, 1));
    ASSERT_EQ(stream->batch.bits_size(), static_cast<int>(kPoints));
    ASSERT_TRUE(stream->Read());
    EXPECT_FALSE(stream->batch.has_dictionary());
  }
}

TEST_F(StreamTest, AReconfigurationSendsAnotherDictionary) {
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), 2)}));
  ASSERT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "1"));
  const auto stream = Subscribe({"/Process/Bus/Dev/P1", "/Process/Bus/Dev/P2"});
  ASSERT_TRUE(stream->Read());
  EXPECT_EQ(stream->batch.dictionary().origins(), (std::string{char{v1::BUS}, char{v1::UNKNOWN}}));
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), 3)}));
  do {
    ASSERT_TRUE(stream->Read());
  } while (!stream->batch.has_dictionary());
  EXPECT_EQ(stream->batch.dictionary().origins(), (std::string{char{v1::BUS}, char{v1::BUS}}));
  harness_.config_store().Serve({});
  do {
    ASSERT_TRUE(stream->Read());
  } while (!stream->batch.has_dictionary());
  EXPECT_EQ(stream->batch.dictionary().origins(),
            (std::string{char{v1::UNKNOWN}, char{v1::UNKNOWN}}));
  EXPECT_EQ(stream->batch.kinds(), std::string(2, char{v1::NONE}));
  EXPECT_EQ(stream->batch.states(), std::string(2, 0));
}

TEST_F(StreamTest, ASubtreeFollowsWhatComes) {
  const auto stream = Subscribe({"/Process/Bus", "/Process/Program"}, /*subtree=*/true);
  ASSERT_TRUE(stream->Read());
  EXPECT_THAT(stream->batch.dictionary().paths(), ElementsAre("/Process/Program/Mode"));
  EXPECT_THAT(stream->batch.texts(), ElementsAre("Run"));
  EXPECT_EQ(stream->batch.states(), std::string(1, 2));
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), 1)}));
  ASSERT_TRUE(stream->Read());
  EXPECT_THAT(stream->batch.dictionary().paths(),
              ElementsAre("/Process/Bus/Dev/DeviceState", "/Process/Bus/Dev/ChangeToggle",
                          "/Process/Bus/Dev/P0", "/Process/Program/Mode"));
}

TEST_F(StreamTest, AReaderThatSleptFindsTheNewestValues) {
  field_ = *ModbusSimulator::Start({});
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), kPoints)}));
  ASSERT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "1"));
  std::vector<std::string> paths(1, "/Process/Bus/Dev/P0");
  const auto stream = Subscribe(paths);
  ASSERT_TRUE(stream->Read());
  for (const char* value : {"1", "2", "3"}) {
    ASSERT_TRUE(harness_.Set("/Process/Bus/Dev/P0", value).ok());
  }
  do {
    ASSERT_TRUE(stream->Read());
  } while (stream->batch.bits_size() == 0 || stream->batch.bits(0) != 3);
}

TEST_F(StreamTest, ARequestWithoutPathIsRefused) {
  grpc::ClientContext context;
  const auto reader = harness_.stub().Subscribe(&context, {});
  v1::ValueBatch batch;
  EXPECT_FALSE(reader->Read(&batch));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(StreamTest, TheServiceStopsWhileStreamsAreOpen) {
  const auto stream = Subscribe({"/Process/Program/Mode"});
  ASSERT_TRUE(stream->Read());
  harness_.StopProcessData();
  while (stream->Read()) {
  }
}

TEST_F(StreamTest, ManyReadersSeeTheSamePoll) {
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), 10)}));
  ASSERT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "1"));
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([this] {
      const auto stream = Subscribe({"/Process/Bus/Dev"}, /*subtree=*/true);
      for (int batches = 0; batches < 20; ++batches) {
        ASSERT_TRUE(stream->Read());
        ASSERT_EQ(stream->batch.runs_size(), 1);
        ASSERT_EQ(stream->batch.runs(0).count(), 12u);
        // The simulator counts a read in all registers: one request, one count.
        for (int p = 3; p < 12; ++p) {
          ASSERT_EQ((stream->batch.bits(2) + static_cast<uint64_t>(p - 2)) % 65536,
                    stream->batch.bits(p));
        }
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace fieldgate::process_data
