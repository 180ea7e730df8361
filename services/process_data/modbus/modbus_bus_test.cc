#include "services/process_data/modbus/modbus_bus.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

#include "common/testing/process.h"
#include "tests/simulators/modbus/modbus_simulator.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = ModbusFault::Kind;

constexpr absl::Duration kPatience = absl::Seconds(30);
// Of requests that are answered; nothing takes this long.
constexpr Target kTarget = {1, absl::Seconds(30)};
// Of requests that are not.
constexpr Target kImpatient = {1, absl::Milliseconds(50)};

RegisterAddress Holding(uint16_t offset) { return {RegisterTable::kHolding, offset}; }

class ModbusBusTest : public testing::Test {
 protected:
  absl::StatusOr<std::vector<uint16_t>> Read(RegisterAddress first, size_t count,
                                             const Target& target = kTarget) {
    std::vector<uint16_t> words(count);
    if (absl::Status s = bus_.Read(target, first, absl::MakeSpan(words)); !s.ok()) return s;
    return words;
  }
  absl::Status Ask(const Target& target = kTarget) { return Read(Holding(0), 1, target).status(); }

  std::unique_ptr<ModbusSimulator> device_ = *ModbusSimulator::Start({});
  ModbusBus bus_{"127.0.0.1", static_cast<uint16_t>(device_->port())};
};

TEST_F(ModbusBusTest, RegistersAreReadAndWritten) {
  ASSERT_TRUE(bus_.Write(kTarget, Holding(3), {{0x1234}}).ok());
  ASSERT_TRUE(bus_.Write(kTarget, Holding(4), {{1, 0xffff}}).ok());
  EXPECT_THAT(*Read(Holding(3), 3), ElementsAre(0x1234, 1, 0xffff));
}

TEST_F(ModbusBusTest, CoilsAreReadAndWritten) {
  ASSERT_TRUE(bus_.Write(kTarget, {RegisterTable::kCoil, 9}, {{1}}).ok());
  EXPECT_THAT(*Read({RegisterTable::kCoil, 8}, 3), ElementsAre(0, 1, 0));
}

TEST_F(ModbusBusTest, TheLargestRequestsWork) {
  EXPECT_TRUE(Read(Holding(0), 125).ok());
  EXPECT_TRUE(Read({RegisterTable::kInput, 0}, 125).ok());
  EXPECT_TRUE(Read({RegisterTable::kCoil, 0}, 2000).ok());
  EXPECT_TRUE(Read({RegisterTable::kDiscrete, 0}, 2000).ok());
}

TEST_F(ModbusBusTest, UnitsShareAConnection) {
  device_->SetHoldingRegister(0, 11, 1);
  device_->SetHoldingRegister(0, 22, 2);
  EXPECT_THAT(*Read(Holding(0), 1, {1, kPatience}), ElementsAre(11));
  EXPECT_THAT(*Read(Holding(0), 1, {2, kPatience}), ElementsAre(22));
  EXPECT_EQ(device_->connections(), 1u);
}

TEST_F(ModbusBusTest, AnExceptionIsNamedAndKeepsTheConnection) {
  device_->SetFault({.kind = Kind::kException, .exception = 2});
  const absl::Status status = Ask();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("Modbus exception 2"));
  device_->Recover();
  EXPECT_TRUE(Ask().ok());
  EXPECT_EQ(device_->connections(), 1u);
}

TEST_F(ModbusBusTest, AGatewaysExceptionForADeadUnitIsNoAnswerOfTheUnit) {
  device_->SetFault({.kind = Kind::kException, .exception = 11});
  EXPECT_EQ(Ask().code(), absl::StatusCode::kDeadlineExceeded);
  device_->Recover();
  EXPECT_TRUE(Ask().ok());
  EXPECT_EQ(device_->connections(), 1u);
}

TEST_F(ModbusBusTest, ASilentDeviceIsATimeout) {
  device_->Hang();
  const absl::Status status = Ask(kImpatient);
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(status.message(), "timeout after 50 ms");
}

TEST_F(ModbusBusTest, ALateAnswerIsNotTakenForTheNext) {
  device_->SetHoldingRegister(0, 11);
  device_->SetHoldingRegister(1, 22);
  device_->SetFault({.kind = Kind::kSlow, .delay = absl::Milliseconds(60)});
  EXPECT_FALSE(Read(Holding(0), 1, kImpatient).ok());
  device_->Recover();
  for (int i = 0; i < 20; ++i) {
    const auto words = Read(Holding(1), 1);
    ASSERT_TRUE(words.ok()) << words.status();
    EXPECT_THAT(*words, ElementsAre(22));
  }
}

TEST_F(ModbusBusTest, GarbageIsNeverAValue) {
  device_->SetHoldingRegister(0, 11);
  ASSERT_TRUE(Ask().ok());
  device_->SetFault({.kind = Kind::kGarbage});
  for (int i = 0; i < 35; ++i) {  // each kind of it five times
    const auto words = Read(Holding(0), 1, kImpatient);
    // More bytes than asked for, after a right answer, are seen by the next.
    if (words.ok()) {
      EXPECT_THAT(*words, ElementsAre(11));
    }
  }
  device_->Recover();
  EXPECT_TRUE(Eventually(kPatience, [&] { return Ask().ok(); }));
  EXPECT_THAT(*Read(Holding(0), 1), ElementsAre(11));
}

// PD-29.
TEST_F(ModbusBusTest, AnAnswerOfAnotherUnitIsAWrongAnswer) {
  device_->SetHoldingRegister(0, 11);
  ASSERT_TRUE(Ask().ok());
  device_->SetFault({.kind = Kind::kOtherUnit});
  for (const RegisterTable table : {RegisterTable::kHolding, RegisterTable::kCoil}) {
    const absl::Status status = Read({table, 0}, 1).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(status.message(), HasSubstr("wrong answer: Response not from requested slave"));
  }
  EXPECT_EQ(bus_.Write(kTarget, Holding(0), {{12}}).code(), absl::StatusCode::kDataLoss);
  device_->Recover();
  EXPECT_THAT(*Read(Holding(0), 1), ElementsAre(12));
  EXPECT_EQ(device_->connections(), 4u);
}

TEST_F(ModbusBusTest, AnExceptionOfAnotherUnitIsNoAnswerEither) {
  device_->SetFault({.kind = Kind::kOtherUnit});
  EXPECT_EQ(Read({RegisterTable::kHolding, 65535}, 2).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ModbusBusTest, ADeviceThatIsAskedWithoutAUnitAnswersWithAny) {
  device_->SetFault({.kind = Kind::kOtherUnit});
  EXPECT_TRUE(Ask({0, kPatience}).ok());
  EXPECT_TRUE(Ask({255, kPatience}).ok());
}

TEST_F(ModbusBusTest, ALostConnectionIsMadeAgain) {
  ASSERT_TRUE(Ask().ok());
  device_->SetFault({.kind = Kind::kDrop});
  EXPECT_EQ(Ask().code(), absl::StatusCode::kUnavailable);
  device_->Recover();
  EXPECT_TRUE(Ask().ok());
  EXPECT_EQ(device_->connections(), 2u);
}

TEST_F(ModbusBusTest, AConnectionThatTheDeviceClosedWhileIdleCostsNoError) {
  ASSERT_TRUE(Ask().ok());
  const int port = device_->port();
  device_.reset();
  device_ = *ModbusSimulator::Start({.port = port});
  EXPECT_TRUE(Ask().ok());
}

TEST_F(ModbusBusTest, ARefusedConnectionIsUnavailable) {
  ModbusBus nobody("127.0.0.1", static_cast<uint16_t>(FreePort()));
  uint16_t word;
  const absl::Status status = nobody.Read(kTarget, Holding(0), absl::MakeSpan(&word, 1));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("Connection refused"));
}

TEST_F(ModbusBusTest, AHostNameIsResolved) {
  ModbusBus bus("localhost", static_cast<uint16_t>(device_->port()));
  uint16_t word;
  const absl::Status status = bus.Read(kTarget, Holding(0), absl::MakeSpan(&word, 1));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(ModbusBusTest, AnUnknownHostIsUnavailable) {
  ModbusBus bus("no such host", 502);
  uint16_t word;
  const absl::Status status = bus.Read(kTarget, Holding(0), absl::MakeSpan(&word, 1));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("resolving no such host"));
}

TEST_F(ModbusBusTest, AUnitThatModbusTcpDoesNotHaveIsRefused) {
  EXPECT_EQ(Ask({250, kPatience}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Ask({255, kPatience}).ok());
}

TEST_F(ModbusBusTest, CancelEndsARequestThatHangs) {
  device_->Hang();
  std::thread asking([&] { EXPECT_EQ(Ask().code(), absl::StatusCode::kCancelled); });
  EXPECT_TRUE(Eventually(kPatience, [&] { return device_->requests() == 1; }));
  bus_.Cancel();
  asking.join();
  EXPECT_EQ(Ask().code(), absl::StatusCode::kCancelled);
}

// libmodbus waits with select(), which can't take a higher one.
TEST_F(ModbusBusTest, AFileDescriptorAboveThoseOfSelectIsAnErrorNotACrash) {
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < 1100) GTEST_SKIP() << "too few files allowed";
  limit.rlim_cur = 1100;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  std::vector<int> held;
  while (held.empty() || held.back() < 1024) held.push_back(open("/dev/null", O_RDONLY));
  const absl::Status status = Ask();
  for (const int fd : held) close(fd);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("too many open files"));
  EXPECT_TRUE(Ask().ok());
}

}  // namespace
}  // namespace fieldgate::process_data
