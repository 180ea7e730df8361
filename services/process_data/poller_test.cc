#include "services/process_data/poller.h"

#include <gmock/gmock.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "common/testing/process.h"
#include "services/process_data/bus/fake_bus.h"
#include "services/process_data/bus/register_device.h"

namespace fieldgate::process_data {
namespace {

using ::testing::HasSubstr;

// Ends a failing test; nothing takes this long.
constexpr absl::Duration kPatience = absl::Seconds(30);

RegisterAddress Holding(uint16_t offset) { return {RegisterTable::kHolding, offset}; }

// One line with devices that have the units 1, 2 ... and two points each:
// writable holding registers 0 and 1.
class PollerTest : public testing::Test {
 protected:
  ~PollerTest() override { poller_.reset(); }

  void Start(size_t devices, uint32_t retries = 0, bool paused = false,
             absl::Duration period = absl::Milliseconds(1)) {
    std::vector<DeviceLayout> layouts;
    for (size_t i = 1; i <= devices; ++i) {
      layouts.push_back({absl::StrCat("/Process/B/D", i), {{"P", 1}, {"Q", 1}}});
    }
    const auto handles = image_.ConfigureDevices(layouts, absl::Now());
    std::vector<Poller::Device> list;
    for (size_t i = 0; i < devices; ++i) {
      config_store::v1::BusDevice config;
      config.set_unit(static_cast<uint32_t>(i + 1));
      config.set_retries(retries);
      for (uint32_t offset = 0; offset < 2; ++offset) {
        config_store::v1::BusPoint& point = *config.add_points();
        point.set_register_(config_store::v1::BusPoint::HOLDING);
        point.set_offset(offset);
        point.set_type(config_store::v1::BusPoint::UINT16);
        point.set_scale(1);
        point.set_writable(offset == 0);
      }
      list.push_back({layouts[i].path,
                      handles[i],
                      {period, absl::Milliseconds(20)},
                      std::make_unique<RegisterDevice>(layouts[i].path, config, bus_)});
    }
    poller_ = std::make_unique<Poller>(std::move(list), image_, RealThreads(), paused);
  }

  std::string Get(const std::string& path) {
    const auto readings = image_.Read(path);
    return readings.ok() ? readings->front().text : "";
  }
  bool Becomes(const std::string& path, const std::string& text) {
    return Eventually(kPatience, [&] { return Get(path) == text; });
  }
  // The unit is polled `count` more times.
  bool Polls(uint8_t unit, int count) {
    const int before = bus_->reads(unit);
    return Eventually(kPatience, [&] { return bus_->reads(unit) >= before + count; });
  }
  absl::Status Write(size_t device, size_t point, absl::string_view text) {
    return poller_->Write(device, point, text, RealClock().Now() + kPatience);
  }

  std::shared_ptr<FakeBus> bus_ = std::make_shared<FakeBus>();
  ProcessImage image_{absl::Now()};
  std::unique_ptr<Poller> poller_;
};

TEST_F(PollerTest, ValuesArriveInTheImage) {
  bus_->Put(1, Holding(1), 42);
  Start(1);
  EXPECT_TRUE(Becomes("/Process/B/D1/Q", "42"));
  bus_->Put(1, Holding(1), 43);
  EXPECT_TRUE(Becomes("/Process/B/D1/Q", "43"));
  EXPECT_EQ(Get("/Process/B/D1/DeviceState"), "1");
}

TEST_F(PollerTest, ADeadDeviceHasStateZeroUntilItAnswersAgain) {
  Start(1);
  ASSERT_TRUE(Becomes("/Process/B/D1/DeviceState", "1"));
  bus_->Fail(1, absl::DeadlineExceededError("timeout after 500 ms"));
  EXPECT_TRUE(Becomes("/Process/B/D1/DeviceState", "0"));
  EXPECT_TRUE(Eventually(kPatience, [&] { return !poller_->Status()[0].ok; }));
  EXPECT_EQ(poller_->Status()[0].error, "timeout after 500 ms");
  bus_->Fail(1, absl::OkStatus());
  EXPECT_TRUE(Becomes("/Process/B/D1/DeviceState", "1"));
  EXPECT_TRUE(Eventually(kPatience, [&] { return poller_->Status()[0].ok; }));
  const DeviceStatus status = poller_->Status()[0];
  EXPECT_EQ(status.error, "");
  EXPECT_GT(status.failed_polls, 0u);
  EXPECT_GT(status.polls, status.failed_polls);
}

TEST_F(PollerTest, TheStatusTellsHowLongPollsTook) {
  Start(1);
  ASSERT_TRUE(Eventually(kPatience, [&] { return poller_->Status()[0].polls > 1; }));
  const DeviceStatus status = poller_->Status()[0];
  EXPECT_GT(status.last_poll, absl::ZeroDuration());
  EXPECT_GE(status.longest_poll, status.last_poll);
}

TEST_F(PollerTest, OneDeadUnitDoesNotStarveTheOthersOfItsLine) {
  bus_->Fail(1, absl::DeadlineExceededError("timeout"));
  Start(2);
  const int dead_before = bus_->reads(1);
  ASSERT_TRUE(Polls(2, 200));
  EXPECT_LT(bus_->reads(1) - dead_before, 100);
}

TEST_F(PollerTest, StopPausesPollingAndRunGoesOn) {
  Start(1);
  ASSERT_TRUE(Becomes("/Process/B/D1/DeviceState", "1"));
  poller_->Pause();
  poller_->WaitUntilPaused(RealClock().Now() + kPatience);
  const int reads = bus_->reads(1);
  const std::string toggle = Get("/Process/B/D1/ChangeToggle");
  bus_->Put(1, Holding(0), 9);
  // A write passes through the thread, which would have polled by then.
  ASSERT_TRUE(Write(0, 0, "7").ok());
  EXPECT_EQ(bus_->reads(1), reads + 1);  // the write's read back
  EXPECT_EQ(Get("/Process/B/D1/ChangeToggle"), toggle);
  EXPECT_EQ(Get("/Process/B/D1/DeviceState"), "1");
  poller_->Resume();
  EXPECT_TRUE(Polls(1, 2));
}

TEST_F(PollerTest, APausedLineThatHangsChangesNothingWhenItAnswersAtLast) {
  bus_->Put(1, Holding(0), 1);
  Start(1);
  ASSERT_TRUE(Becomes("/Process/B/D1/P", "1"));
  bus_->Hang(1);
  ASSERT_TRUE(Eventually(kPatience, [&] { return bus_->hanging(1); }));
  poller_->Pause();
  bus_->Put(1, Holding(0), 2);
  bus_->Release(1);
  poller_->WaitUntilPaused(RealClock().Now() + kPatience);
  EXPECT_EQ(Get("/Process/B/D1/P"), "1");
}

TEST_F(PollerTest, ALineMayStartPaused) {
  Start(1, 0, /*paused=*/true);
  ASSERT_TRUE(Write(0, 0, "7").ok());
  EXPECT_EQ(poller_->Status()[0].polls, 0u);
  poller_->Resume();
  EXPECT_TRUE(Becomes("/Process/B/D1/DeviceState", "1"));
}

TEST_F(PollerTest, AWrittenValueIsInTheImageAtOnce) {
  Start(1, 0, /*paused=*/true);
  ASSERT_TRUE(Write(0, 0, "7").ok());
  EXPECT_EQ(Get("/Process/B/D1/P"), "7");
  EXPECT_EQ(bus_->At(1, Holding(0)), 7);
}

TEST_F(PollerTest, AWriteToADeadDeviceIsUnavailable) {
  bus_->Fail(1, absl::DeadlineExceededError("timeout after 500 ms"));
  Start(1);
  const absl::Status status = Write(0, 0, "7");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("timeout after 500 ms"));
}

TEST_F(PollerTest, AWriteThatIsAnsweredBringsADeadDeviceBack) {
  bus_->Fail(1, absl::DeadlineExceededError("timeout"));
  Start(1, 0, false, /*period=*/absl::Hours(1));
  ASSERT_TRUE(Eventually(kPatience, [&] { return poller_->Status()[0].failed_polls == 1; }));
  bus_->Fail(1, absl::OkStatus());
  ASSERT_TRUE(Write(0, 0, "7").ok());
  EXPECT_TRUE(Becomes("/Process/B/D1/DeviceState", "1"));
}

TEST_F(PollerTest, ARefusedWriteIsFailedPrecondition) {
  Start(1);
  bus_->Refuse(1, Holding(0));
  EXPECT_EQ(Write(0, 0, "7").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PollerTest, AWriteThatCantBeIsRefusedWithoutWaitingForTheLine) {
  Start(1);
  bus_->Hang(1);
  ASSERT_TRUE(Eventually(kPatience, [&] { return bus_->hanging(1); }));
  EXPECT_EQ(Write(0, 1, "7").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Write(0, 0, "70000").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PollerTest, AWriteWaitsNoLongerThanItsCaller) {
  Start(1);
  bus_->Hang(1);
  ASSERT_TRUE(Eventually(kPatience, [&] { return bus_->hanging(1); }));
  const absl::Status status = poller_->Write(0, 0, "7", RealClock().Now() + absl::Milliseconds(10));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  bus_->Release(1);
  ASSERT_TRUE(Polls(1, 2));
  EXPECT_EQ(bus_->At(1, Holding(0)), 0);  // it was not done later, either
}

TEST_F(PollerTest, TheQueueOfWritesIsBounded) {
  Start(1);
  bus_->Hang(1);
  ASSERT_TRUE(Eventually(kPatience, [&] { return bus_->hanging(1); }));
  std::atomic<int> refused = 0;
  std::atomic<int> done = 0;
  std::vector<std::thread> callers;
  for (size_t i = 0; i < Poller::kMaxQueuedWrites + 3; ++i) {
    callers.emplace_back([&] {
      const absl::Status status = Write(0, 0, "7");
      if (absl::IsResourceExhausted(status)) ++refused;
      if (status.ok()) ++done;
    });
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return refused == 3; }));
  bus_->Release(1);
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done, static_cast<int>(Poller::kMaxQueuedWrites));
}

TEST_F(PollerTest, WritesWithoutEndDoNotStarvePolling) {
  Start(1);
  std::atomic<bool> stop = false;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&] {
      while (!stop) EXPECT_TRUE(Write(0, 0, "7").ok());
    });
  }
  const uint64_t before = poller_->Status()[0].polls;
  EXPECT_TRUE(Eventually(kPatience, [&] { return poller_->Status()[0].polls >= before + 20; }));
  stop = true;
  for (std::thread& writer : writers) writer.join();
}

TEST_F(PollerTest, AHangingLineEndsWhenItIsStopped) {
  Start(1);
  bus_->Hang(1);
  ASSERT_TRUE(Eventually(kPatience, [&] { return bus_->hanging(1); }));
  std::thread writer([&] { EXPECT_EQ(Write(0, 0, "7").code(), absl::StatusCode::kUnavailable); });
  poller_->Cancel();
  poller_->Join();
  writer.join();
  EXPECT_EQ(Get("/Process/B/D1/DeviceState").empty(), false);
}

}  // namespace
}  // namespace fieldgate::process_data
