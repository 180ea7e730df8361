// CL-157, CL-158: a connector whose disk fails, and is back.
#include <gmock/gmock.h>

#include <bit>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/cloud_link/connector_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kSecond = absl::Seconds(1);

class ConnectorDiskTest : public ConnectorTest {
 protected:
  // Runs, with a message each second.
  void Start(const config::Connector& config) {
    Create(config);
    AnswerInit();
    Value(1);
  }
};

TEST_F(ConnectorDiskTest, WhatIsDueWhileTheDiskFailsIsStoredLaterWithItsOwnTime) {
  Start(Config());
  Pass(absl::Seconds(3));
  const size_t before = DataBodies().size();
  outbox_.FailWith(absl::UnavailableError("disk full"));
  for (int i = 2; i <= 21; ++i) {
    Value(i);
    Advance(kSecond);
  }
  EXPECT_EQ(state(), v1::RUNNING);
  EXPECT_EQ(DataBodies().size(), before);
  EXPECT_THAT(connector_->Status().disk_error(), HasSubstr("disk full"));
  EXPECT_EQ(connector_->Status().messages_in_memory(), 20u);

  outbox_.FailWith(absl::OkStatus());
  Pass(absl::Seconds(2));
  EXPECT_EQ(connector_->Status().disk_error(), "");
  EXPECT_EQ(connector_->Status().messages_in_memory(), 0u);
  const std::vector<std::string> bodies = DataBodies();
  ASSERT_GE(bodies.size(), before + 20);
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_THAT(bodies[before + i], HasSubstr(absl::StrCat("\"", i + 2, "\"")));
  }
  for (size_t i = 1; i < bodies.size(); ++i) {
    EXPECT_EQ(MessageIds()[i], MessageIds()[i - 1] + 1);
  }
  EXPECT_EQ(connector_->Status().messages_dropped(), 0u);
}

TEST_F(ConnectorDiskTest, WhatMemoryCanNotHoldIsALossOnceTheDiskIsBack) {
  config::Connector config = Config();
  auto& section = *config.mutable_sections(0);
  for (int i = 0; i < 2'000; ++i) {
    auto& point = *section.add_points();
    point = section.points(0);
    point.set_name(absl::StrCat("P", i));
    point.set_path(absl::StrCat("/Process/Bus1/D/P", i));
  }
  Create(config);
  AnswerInit();
  process_data::v1::ValueBatch batch;
  auto& run = *batch.add_runs();
  run.set_count(2'001);
  run.set_sampled_at_us(1);
  batch.set_kinds(std::string(2'001, process_data::v1::FLOAT));
  batch.set_states(std::string(2'001, 0));
  for (int i = 0; i <= 2'000; ++i) batch.add_bits(std::bit_cast<uint64_t>(0.1 * i));
  connector_->OnBatch(batch, now());
  Advance(absl::Seconds(1));
  const int64_t first_lost = absl::ToUnixSeconds(clock_.WallNow());
  outbox_.FailWith(absl::UnavailableError("input/output error"));
  Pass(absl::Seconds(1'000));
  EXPECT_LT(connector_->Status().messages_in_memory(), 1'000u);
  const uint64_t kept = connector_->Status().messages_in_memory();

  outbox_.FailWith(absl::OkStatus());
  Pass(absl::Seconds(2));
  const v1::ConnectorStatus status = connector_->Status();
  ASSERT_EQ(status.losses_size(), 1);
  const v1::Loss& loss = status.losses(0);
  EXPECT_EQ(loss.reason(), "disk failed: oldest dropped");
  EXPECT_EQ(loss.first_message_id(), 0) << "they never had an id";
  EXPECT_NEAR(static_cast<double>(loss.count()), 1'000.0 - static_cast<double>(kept), 2);
  EXPECT_NEAR(static_cast<double>(loss.first_timestamp()), static_cast<double>(first_lost), 2);
  EXPECT_EQ(loss.last_timestamp(), loss.first_timestamp() + loss.count() - 1);
}

TEST_F(ConnectorDiskTest, WhatWaitsForTheDiskSurvivesAnOtherLayout) {
  Start(Config());
  outbox_.FailWith(absl::UnavailableError("disk full"));
  Value(7);
  Advance(kSecond);
  config::Connector config = Config();
  config.set_format(config::XML);
  connector_->ChangeDataModel(config, now());
  Run();
  AnswerInit();
  Advance(kSecond);
  outbox_.FailWith(absl::OkStatus());
  Pass(absl::Seconds(2));
  ASSERT_EQ(state(), v1::RUNNING);
  std::vector<std::string> bodies;
  for (const std::string& body : DataBodies()) {
    if (absl::StrContains(body, "\"7\"")) bodies.push_back(body);
  }
  ASSERT_GE(bodies.size(), 2u);
  EXPECT_THAT(bodies.front(), HasSubstr("\"value\":\"7\""));
  EXPECT_THAT(bodies.back(), HasSubstr("<Level _=\"7\""));
  EXPECT_EQ(connector_->Status().messages_dropped(), 0u);
}

TEST_F(ConnectorDiskTest, AReconnectNeedsNoDisk) {
  Start(Config());
  const std::string first = LastRequestId();
  outbox_.FailWith(absl::UnavailableError("disk full"));
  std::vector<std::string> ids;
  for (int i = 0; i < 2; ++i) {
    mqtt_.Break();
    for (int s = 0; s < 10 && state() != v1::WAIT_INIT_RESULT; ++s) Advance(kSecond);
    ids.push_back(LastRequestId());
    AnswerInit();
    EXPECT_EQ(state(), v1::RUNNING);
  }
  EXPECT_THAT(ids, ElementsAre(first + "_1", first + "_2"));
}

// A change of the connection makes a new connector.
TEST_F(ConnectorDiskTest, WhatNoDiskTookGoesOnWithTheNextConnector) {
  Start(Config());
  outbox_.FailWith(absl::UnavailableError("disk full"));
  Value(7);
  Advance(kSecond);
  connector_.reset();
  mqtt_.Disconnect();
  config::Connector config = Config();
  config.set_format(config::XML);
  Create(config);
  outbox_.FailWith(absl::OkStatus());
  Advance(kSecond);
  AnswerInit();
  Pass(absl::Seconds(2));
  ASSERT_EQ(state(), v1::RUNNING);
  EXPECT_THAT(DataBodies(), Contains(HasSubstr("\"value\":\"7\"")));
  EXPECT_TRUE(unstored_.empty());
}

TEST_F(ConnectorDiskTest, ALayoutThatCanNotBeReadIsNoReasonToGiveUpItsMessage) {
  Start(Config());
  mqtt_.refuse_connect = absl::UnavailableError("no route");
  mqtt_.Break();
  Run();
  Value(7);
  Advance(kSecond);
  connector_.reset();
  config::Connector config = Config();
  config.set_format(config::XML);
  Create(config);
  mqtt_.refuse_connect = absl::OkStatus();
  outbox_.FailLayoutsWith(absl::DataLossError("malformed"));
  for (int i = 0; i < 130 && state() != v1::WAIT_INIT_RESULT; ++i) Advance(kSecond);
  AnswerInit();
  Pass(absl::Seconds(5));
  EXPECT_THAT(DataBodies(), Not(Contains(HasSubstr("\"7\""))));
  EXPECT_EQ(connector_->Status().messages_dropped(), 0u);
  outbox_.FailLayoutsWith(absl::OkStatus());
  Pass(absl::Seconds(2));
  EXPECT_THAT(DataBodies(), Contains(HasSubstr("\"7\"")));
  EXPECT_EQ(connector_->Status().messages_dropped(), 0u);
}

TEST_F(ConnectorDiskTest, WhatWaitsForTheDiskIsStoredWhenTheConnectorEnds) {
  Start(Config());
  Pass(absl::Seconds(2));
  const int64_t before = outbox_.PeekMessageId();
  outbox_.FailWith(absl::UnavailableError("disk full"));
  Advance(kSecond);
  outbox_.FailWith(absl::OkStatus());
  connector_.reset();
  EXPECT_EQ(outbox_.PeekMessageId(), before + 1);
}

}  // namespace
}  // namespace fieldgate::cloud_link
