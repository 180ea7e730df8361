// Networks that lose, delay and go away without a word, between a gateway and
// its broker: README.md, "Network". The gateway is in a network of its own with a
// cable to another, where broker and portal are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/testing/bad_link.h"
#include "common/testing/network_namespace.h"
#include "common/testing/process.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::fault_test {
namespace {

using system_test::CloudConfig;
using system_test::GatewayHarness;
using system_test::kGateway;
using system_test::kPatience;
using system_test::Scaled;
using testing::IsEmpty;

constexpr char kUrl[] = "tcp://10.0.1.1:1883";
// As the broker logs each connection of the gateway.
constexpr char kConnected[] = "as WT640_01234567 (";
// The next message may be a second away when a link dies.
constexpr absl::Duration kSeenWithin = absl::Seconds(15 + 1);
constexpr absl::Duration kResumesWithin = absl::Seconds(5);

class NetworkTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { entered_ = EnterOwnNetwork(); }

  void SetUp() override {
    if (!entered_.ok()) GTEST_SKIP() << "NOT TESTED: " << entered_;
    absl::StatusOr<NetworkNamespace> there = NetworkNamespace::Create();
    ASSERT_TRUE(there.ok()) << there.status();
    there_.emplace(*std::move(there));
    ASSERT_TRUE(AddCable("lan0", *there_, "lan1").ok());
    ASSERT_TRUE(AddAddress("lan0", "10.0.1.2/24").ok());
    ASSERT_TRUE(SetInterfaceUp("lan0").ok());
    there_->Run([this] {
      ASSERT_TRUE(AddAddress("lan1", "10.0.1.1/24").ok());
      ASSERT_TRUE(SetInterfaceUp("lan1").ok());
      harness_ = std::make_unique<GatewayHarness>(
          GatewayHarness::Options{.broker = {.config = {"listener 1883 10.0.1.1"}},
                                  .modbus_devices = 0,
                                  .cloud = {.broker_url = kUrl}});
    });
  }

  void TearDown() override {
    harness_.reset();
    if (there_.has_value()) {
      EXPECT_TRUE(DeleteInterface("lan0").ok());
    }
  }

  // In both directions.
  void Lose(int percent) {
    const absl::Status here = LosePackets("lan0", percent);
    EXPECT_TRUE(here.ok()) << here;
    there_->Run([percent] { EXPECT_TRUE(LosePackets("lan1", percent).ok()); });
  }
  void Narrow(int bytes_a_second, int queue) {
    const absl::Status here = NarrowLink("lan0", bytes_a_second, queue);
    EXPECT_TRUE(here.ok()) << here;
    there_->Run([&] { EXPECT_TRUE(NarrowLink("lan1", bytes_a_second, queue).ok()); });
  }

  bool Running() { return harness_->Status().connector_state == "running"; }
  bool StatusSays(absl::string_view what) {
    return Eventually(kPatience,
                      [&] { return absl::StrContains(harness_->Status().connector_detail, what); });
  }
  int Connections() const {
    const std::string log = harness_->broker().Output();
    int count = 0;
    for (size_t at = log.find(kConnected); at != std::string::npos;
         at = log.find(kConnected, at + 1)) {
      ++count;
    }
    return count;
  }
  // Of the newest message at the portal until one more, from now on.
  absl::Duration UntilTheNextMessage() {
    const absl::Time start = absl::Now();
    EXPECT_TRUE(harness_->MoreMessages(1)) << harness_->Run("status").output;
    return absl::Now() - start;
  }

  static absl::Status entered_;
  std::optional<NetworkNamespace> there_;
  std::unique_ptr<GatewayHarness> harness_;
};

absl::Status NetworkTest::entered_;

TEST_F(NetworkTest, ALinkThatDiesSilentlyIsSeenWithin15SecondsAndItsReturnWithin5) {
  harness_->StartGateway();
  ASSERT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
  Lose(100);
  const absl::Time lost = absl::Now();
  EXPECT_TRUE(Eventually(kPatience, [this] { return !Running(); }));
  EXPECT_LE(absl::Now() - lost, Scaled(kSeenWithin + absl::Seconds(1)));
  // Connects that hang, since nobody answers.
  EXPECT_TRUE(StatusSays("can't connect"));
  Lose(0);
  EXPECT_LE(UntilTheNextMessage(), Scaled(kResumesWithin));
  EXPECT_THAT(harness_->WaitUntilComplete(3), IsEmpty());
}

TEST_F(NetworkTest, ALinkThatIsThereLaterIsTakenWithin5Seconds) {
  Lose(100);
  harness_->StartGateway();
  EXPECT_TRUE(StatusSays("can't connect"));
  Lose(0);
  EXPECT_LE(UntilTheNextMessage(), Scaled(kResumesWithin));
  EXPECT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
}

// The cable is pulled: the way is known to be gone.
TEST_F(NetworkTest, AnInterfaceThatIsDownAndUpAgainIsTakenWithin5Seconds) {
  harness_->StartGateway();
  ASSERT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
  ASSERT_TRUE(SetInterfaceUp("lan0", false).ok());
  EXPECT_TRUE(StatusSays("can't connect"));
  ASSERT_TRUE(SetInterfaceUp("lan0").ok());
  EXPECT_LE(UntilTheNextMessage(), Scaled(kResumesWithin));
  EXPECT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
}

class LossTest : public NetworkTest, public testing::WithParamInterface<int> {};

TEST_P(LossTest, WithLostPacketsDataIsCompleteAndInOrder) {
  harness_->StartGateway();
  ASSERT_THAT(harness_->WaitUntilComplete(1), IsEmpty());
  Lose(GetParam());
  EXPECT_THAT(harness_->WaitUntilComplete(10), IsEmpty());
  EXPECT_EQ(harness_->Data().first_id, 1);
}

INSTANTIATE_TEST_SUITE_P(Percent, LossTest, testing::Values(10, 30));

TEST_F(NetworkTest, At2KilobytesASecondABacklogArrivesAndCommandsAreAnsweredBesideIt) {
  constexpr int kBacklog = 30;
  Narrow(2000, 20'000);
  Lose(100);
  // With ids data is kept from the start.
  harness_->WriteFile(
      "isp.tixml",
      system_test::Isp({.broker_url = kUrl,
                        .more = R"(<gateway_id _="gw-01234567"/><customer_id _="customer-1"/>)"}));
  harness_->StartGateway();
  EXPECT_TRUE(StatusSays("can't connect"));
  ASSERT_TRUE(Eventually(kPatience, [this] {
    for (int i = 0; i < 10; ++i) harness_->Run("tixml", {"[<CloudSendRealtimeData/>]"});
    return harness_->Status().messages_waiting >= kBacklog;
  })) << harness_->Run("status").output;
  Lose(0);
  ASSERT_TRUE(Eventually(kPatience, [this] { return harness_->Data().messages > 0; }));
  EXPECT_GT(harness_->Status().messages_waiting, kBacklog / 2);

  const absl::Time asked = absl::Now();
  ASSERT_TRUE(harness_->portal()
                  .SendCommand(kGateway, {.kind = portal::CommandKind::kState,
                                          .request_id = "r1",
                                          .serial_number = system_test::kSerialNumber,
                                          .path = "/Process/PV/"})
                  .ok());
  EXPECT_TRUE(
      Eventually(kPatience, [this] { return !harness_->portal().Snapshot().results.empty(); }));
  EXPECT_LE(absl::Now() - asked, Scaled(absl::Seconds(15)));
  EXPECT_THAT(harness_->WaitUntilComplete(kBacklog / 2), IsEmpty());
  EXPECT_EQ(harness_->Data().redeliveries, 0);
  EXPECT_EQ(Connections(), 1);
}

}  // namespace
}  // namespace fieldgate::fault_test
