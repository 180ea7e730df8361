#include "tests/simulators/modbus/register_server.h"

#include <gmock/gmock.h>

namespace fieldgate {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using Bytes = std::vector<uint8_t>;

constexpr uint8_t kUnit = 1;

class RegisterServerTest : public testing::Test {
 protected:
  Bytes Ask(const Bytes& request, uint8_t unit = kUnit) {
    return server_.Answer(unit, request, now_, since_);
  }

  absl::Time now_ = absl::FromUnixMicros(0x0001'0203'0405'0607);
  absl::Duration since_ = absl::ZeroDuration();
  RegisterServer server_{0};
};

TEST_F(RegisterServerTest, AHoldingRegisterKeepsWhatIsWritten) {
  EXPECT_THAT(Ask({6, 0, 9, 0x12, 0x34}), ElementsAre(6, 0, 9, 0x12, 0x34));
  EXPECT_THAT(Ask({3, 0, 9, 0, 1}), ElementsAre(3, 2, 0x12, 0x34));
}

TEST_F(RegisterServerTest, UnitsHaveRegistersOfTheirOwn) {
  Ask({6, 0, 9, 0x12, 0x34});
  EXPECT_THAT(Ask({3, 0, 9, 0, 1}, 2), ElementsAre(3, 2, 0, 0));
}

TEST_F(RegisterServerTest, SeveralRegistersAreWrittenAtOnce) {
  EXPECT_THAT(Ask({16, 0, 1, 0, 2, 4, 1, 2, 3, 4}), ElementsAre(16, 0, 1, 0, 2));
  EXPECT_THAT(Ask({3, 0, 1, 0, 2}), ElementsAre(3, 4, 1, 2, 3, 4));
}

TEST_F(RegisterServerTest, CoilsArePackedFromTheLowestBit) {
  Ask({5, 0, 0, 0xff, 0});
  Ask({5, 0, 8, 0xff, 0});
  EXPECT_THAT(Ask({1, 0, 0, 0, 9}), ElementsAre(1, 2, 1, 1));
}

TEST_F(RegisterServerTest, TheTimestampIsReadInOneBlock) {
  EXPECT_THAT(Ask({3, 0x75, 0x30, 0, 4}), ElementsAre(3, 8, 0, 1, 2, 3, 4, 5, 6, 7));
}

TEST_F(RegisterServerTest, ChangingRegistersChangeWithEachRead) {
  RegisterServer changing(2000);
  const Bytes first = changing.Answer(kUnit, Bytes{3, 0, 0, 0, 125}, now_, since_);
  const Bytes second = changing.Answer(kUnit, Bytes{3, 0, 0, 0, 125}, now_, since_);
  for (size_t i = 3; i < first.size(); i += 2) EXPECT_NE(first[i], second[i]) << i;
}

TEST_F(RegisterServerTest, MoreRegistersThanTheProtocolAllowsAreRefused) {
  EXPECT_THAT(Ask({3, 0, 0, 0, 126}), ElementsAre(0x83, 3));
  EXPECT_THAT(Ask({3, 0, 0, 0, 125}), SizeIs(252));
  EXPECT_THAT(Ask({1, 0, 0, 0x07, 0xd1}), ElementsAre(0x81, 3));
}

TEST_F(RegisterServerTest, RegistersBeyondTheTableAreRefused) {
  EXPECT_THAT(Ask({3, 0xff, 0xff, 0, 2}), ElementsAre(0x83, 2));
}

TEST_F(RegisterServerTest, AnUnknownFunctionIsRefused) {
  EXPECT_THAT(Ask({43, 14, 1, 0, 0}), ElementsAre(0xab, 1));
}

TEST_F(RegisterServerTest, AFaultIsChosenByWritingTheControlRegisters) {
  Ask({16, 0xfd, 0xe8, 0, 5, 10, 0, 2, 0, 4, 0, 3, 0, 100, 0, 10});
  EXPECT_EQ(server_.FaultOf(3, Bytes{3, 0, 105, 0, 1}).kind, ModbusFault::Kind::kException);
  EXPECT_EQ(server_.FaultOf(3, Bytes{3, 0, 105, 0, 1}).exception, 4);
  EXPECT_EQ(server_.FaultOf(3, Bytes{3, 0, 110, 0, 1}).kind, ModbusFault::Kind::kNone);
  EXPECT_EQ(server_.FaultOf(2, Bytes{3, 0, 105, 0, 1}).kind, ModbusFault::Kind::kNone);
}

TEST_F(RegisterServerTest, ControlRegistersAnswerDuringAFault) {
  server_.SetFault({.kind = ModbusFault::Kind::kHang});
  EXPECT_EQ(server_.FaultOf(kUnit, Bytes{6, 0xfd, 0xe8, 0, 0}).kind, ModbusFault::Kind::kNone);
  EXPECT_EQ(server_.FaultOf(kUnit, Bytes{6, 0, 0, 0, 0}).kind, ModbusFault::Kind::kHang);
}

}  // namespace
}  // namespace fieldgate
