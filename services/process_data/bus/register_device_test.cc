#include "services/process_data/bus/register_device.h"

#include <gmock/gmock.h>

#include "services/process_data/bus/fake_bus.h"

namespace fieldgate::process_data {
namespace {

using config_store::v1::BusPoint;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint8_t kUnit = 7;

RegisterAddress Holding(uint16_t offset) { return {RegisterTable::kHolding, offset}; }

class RegisterDeviceTest : public testing::Test {
 protected:
  RegisterDeviceTest() {
    config_.set_unit(kUnit);
    config_.set_timeout_ms(500);
    config_.set_retries(1);
    config_.set_max_registers(10);
  }

  BusPoint& Add(uint32_t offset, BusPoint::Type type = BusPoint::UINT16,
                BusPoint::Register table = BusPoint::HOLDING) {
    BusPoint& point = *config_.add_points();
    point.set_register_(table);
    point.set_offset(offset);
    point.set_type(type);
    point.set_scale(1);
    point.set_writable(true);
    return point;
  }

  absl::Status Poll(bool retry = true) {
    if (device_ == nullptr) Make();
    return device_->Poll(retry, give_up_, cycle_);
  }
  absl::StatusOr<Readback> Write(size_t point, absl::string_view text) {
    if (device_ == nullptr) Make();
    if (absl::Status allowed = device_->CheckWrite(point, text); !allowed.ok()) return allowed;
    return device_->Write(point, text);
  }
  void Make() { device_ = std::make_unique<RegisterDevice>("/Process/B/D", config_, bus_); }

  config_store::v1::BusDevice config_;
  std::shared_ptr<FakeBus> bus_ = std::make_shared<FakeBus>();
  std::unique_ptr<RegisterDevice> device_;
  std::atomic<bool> give_up_ = false;
  Cycle cycle_;
};

TEST_F(RegisterDeviceTest, APollReadsAllPointsInFewRequests) {
  Add(0);
  Add(2);
  Add(1, BusPoint::INT16);
  bus_->Put(kUnit, Holding(1), 0xffff);
  bus_->Put(kUnit, Holding(2), 42);
  ASSERT_TRUE(Poll().ok());
  EXPECT_EQ(cycle_.samples[0], Sample::Uint(0));
  EXPECT_EQ(cycle_.samples[1], Sample::Uint(42));
  EXPECT_EQ(cycle_.samples[2], Sample::Int(-1));
  EXPECT_THAT(bus_->requests(), SizeIs(1));
}

TEST_F(RegisterDeviceTest, ARefusedBlockMakesOnlyItsPointsInvalid) {
  Add(0);
  Add(100);
  Add(200);
  bus_->Refuse(kUnit, Holding(100));
  ASSERT_TRUE(Poll().ok());
  EXPECT_TRUE(cycle_.samples[0].valid);
  EXPECT_FALSE(cycle_.samples[1].valid);
  EXPECT_TRUE(cycle_.samples[2].valid);
}

TEST_F(RegisterDeviceTest, ARefusalIsNotTriedAgain) {
  Add(0);
  bus_->Refuse(kUnit, Holding(0));
  EXPECT_EQ(Poll().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(bus_->requests(), SizeIs(1));
}

TEST_F(RegisterDeviceTest, ARequestWithoutAnswerIsTriedAsOftenAsConfigured) {
  config_.set_retries(3);
  Add(0);
  bus_->Fail(kUnit, absl::DeadlineExceededError("timeout after 500 ms"));
  const absl::Status status = Poll();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(status.message(), HasSubstr("timeout after 500 ms"));
  EXPECT_THAT(bus_->requests(), SizeIs(4));
}

TEST_F(RegisterDeviceTest, ADeviceKnownToBeDeadGetsOneTry) {
  Add(0);
  bus_->Fail(kUnit, absl::DeadlineExceededError("timeout"));
  EXPECT_FALSE(Poll(/*retry=*/false).ok());
  EXPECT_THAT(bus_->requests(), SizeIs(1));
}

TEST_F(RegisterDeviceTest, ADeadDeviceCostsTwoRequestsHoweverManyBlocksItHas) {
  config_.set_retries(0);
  for (uint32_t i = 0; i < 20; ++i) Add(i * 100);
  bus_->Fail(kUnit, absl::DeadlineExceededError("timeout"));
  EXPECT_FALSE(Poll().ok());
  EXPECT_THAT(bus_->requests(), SizeIs(2));
}

TEST_F(RegisterDeviceTest, WithoutConnectionTheRestOfTheCycleIsGivenUp) {
  config_.set_retries(0);
  for (uint32_t i = 0; i < 20; ++i) Add(i * 100);
  bus_->Fail(kUnit, absl::UnavailableError("refused"));
  EXPECT_FALSE(Poll().ok());
  EXPECT_THAT(bus_->requests(), SizeIs(1));
}

TEST_F(RegisterDeviceTest, APointThatCantBeReadDoesNotHinderOthers) {
  Add(65535, BusPoint::UINT32);
  Add(0);
  ASSERT_TRUE(Poll().ok());
  EXPECT_FALSE(cycle_.samples[0].valid);
  EXPECT_TRUE(cycle_.samples[1].valid);
}

TEST_F(RegisterDeviceTest, ADeviceWithoutPointsNeverAnswers) { EXPECT_FALSE(Poll().ok()); }

TEST_F(RegisterDeviceTest, APollThatIsGivenUpStartsNoRequest) {
  Add(0);
  give_up_ = true;
  EXPECT_TRUE(absl::IsCancelled(Poll()));
  EXPECT_THAT(bus_->requests(), IsEmpty());
}

TEST_F(RegisterDeviceTest, AWriteIsReadBack) {
  Add(5, BusPoint::UINT32);
  const absl::StatusOr<Readback> written = Write(0, "70000");
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->sample, Sample::Uint(70000));
  EXPECT_EQ(bus_->At(kUnit, Holding(5)), 1);
  EXPECT_EQ(bus_->At(kUnit, Holding(6)), 70000 - 65536);
}

TEST_F(RegisterDeviceTest, AWriteIsForItsUnit) {
  Add(5);
  ASSERT_TRUE(Write(0, "1").ok());
  EXPECT_THAT(bus_->requests(), Each(Field(&FakeBus::Request::unit, kUnit)));
}

TEST_F(RegisterDeviceTest, WritingABitLeavesTheOthersOfItsRegister) {
  Add(5, BusPoint::BOOL).set_bit(3);
  bus_->Put(kUnit, Holding(5), 0xf0f0);
  ASSERT_TRUE(Write(0, "true").ok());
  EXPECT_EQ(bus_->At(kUnit, Holding(5)), 0xf0f8);
  ASSERT_TRUE(Write(0, "0").ok());
  EXPECT_EQ(bus_->At(kUnit, Holding(5)), 0xf0f0);
}

TEST_F(RegisterDeviceTest, ACoilIsWritten) {
  Add(5, BusPoint::BOOL, BusPoint::COIL);
  ASSERT_TRUE(Write(0, "1").ok());
  EXPECT_EQ(bus_->At(kUnit, {RegisterTable::kCoil, 5}), 1);
}

TEST_F(RegisterDeviceTest, AReadOnlyPointIsNotWritten) {
  Add(0).set_writable(false);
  Add(0, BusPoint::UINT16, BusPoint::INPUT);
  EXPECT_EQ(Write(0, "1").status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Write(1, "1").status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(bus_->requests(), IsEmpty());
}

TEST_F(RegisterDeviceTest, AValueOutOfRangeIsNotWritten) {
  Add(0);
  EXPECT_EQ(Write(0, "65536").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(bus_->requests(), IsEmpty());
}

TEST_F(RegisterDeviceTest, ARefusedWriteIsNotTriedAgain) {
  Add(0);
  bus_->Refuse(kUnit, Holding(0));
  EXPECT_EQ(Write(0, "1").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(bus_->requests(), SizeIs(1));
}

}  // namespace
}  // namespace fieldgate::process_data
