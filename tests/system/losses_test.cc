// What the bounds of the cache take while the broker is away: the gaps at the
// portal are exactly those that it is told of, and that status, losses and the
// SupportLog name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/system/cache_load.h"

namespace fieldgate::system_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class LossesTest : public testing::TestWithParam<const char*> {
 protected:
  LossesTest() {
    GatewayHarness::Options options;
    // Keeps the portal's session while it is stopped.
    options.broker.config = {"persistence true", "autosave_interval 1", "autosave_on_changes true"};
    options.cloud.more =
        absl::StrCat("    <MQTTCacheMaxMB _=\"1\"/><MQTTCachePolicy _=\"", GetParam(), "\"/>\n");
    options.on_message = [this](const std::string& topic, const std::string& body) {
      received_.OnMessage(topic, body);
    };
    harness_.emplace(std::move(options));
    harness_->StartGateway();
  }

  bool AllIsTold() {
    const std::vector<NamedLoss> losses = ListLosses(*harness_);
    return StatusMember(*harness_, "messages_waiting") == "0" && !losses.empty() &&
           std::all_of(losses.begin(), losses.end(), [](const NamedLoss& l) { return l.reported; });
  }

  Received received_;
  std::optional<GatewayHarness> harness_;
};

INSTANTIATE_TEST_SUITE_P(Policies, LossesTest, testing::Values("drop_oldest", "drop_newest"),
                         [](const auto& param) { return std::string(param.param); });

TEST_P(LossesTest, EverybodyIsToldOfExactlyWhatIsMissing) {
  ASSERT_THAT(harness_->WaitUntilComplete(1), IsEmpty());
  AddBulk(*harness_);
  harness_->broker().Stop();
  ASSERT_TRUE(
      Eventually(kPatience, [&] { return harness_->Status().connector_state != "running"; }));
  SendBulk(*harness_, 120);  // some 2.4 MB

  const std::string reason = absl::StrCat(
      "full: ", GetParam() == std::string("drop_oldest") ? "oldest" : "newest", " dropped");
  EXPECT_THAT(harness_->Run("status").output, AllOf(HasSubstr("  loss 1 "), HasSubstr(reason),
                                                    HasSubstr("the portal is not told yet")));
  // What is lost stays known, whatever dies.
  harness_->Kill("cloud_link");
  ASSERT_TRUE(Eventually(kPatience, [&] { return harness_->Status().outcome.exit_status == 0; }));
  ASSERT_TRUE(harness_->broker().Start().ok());
  ASSERT_TRUE(Eventually(kPatience, [&] { return AllIsTold(); })) << harness_->Run("losses").output;
  ASSERT_TRUE(harness_->MoreMessages(2));

  const std::vector<NamedLoss> listed = ListLosses(*harness_);
  std::vector<NamedLoss> told;
  ASSERT_TRUE(Eventually(kPatience, [&] {
    told.clear();
    for (const std::string& body : received_.loss_messages()) {
      for (NamedLoss& loss : ReadLossMessage(body)) told.push_back(std::move(loss));
    }
    return told.size() >= listed.size();
  }));
  const std::vector<int64_t> missing = MissingIds(received_.data());
  EXPECT_GT(missing.size(), 50u);
  EXPECT_EQ(IdsOf(listed), missing);
  EXPECT_EQ(IdsOf(told), missing);
  for (const NamedLoss& loss : told) EXPECT_EQ(loss.reason, reason);

  EXPECT_THAT(harness_->Run("status").output, HasSubstr("the portal was told"));
  const NamedLoss& first = listed.front();
  std::string support_log;
  EXPECT_TRUE(Eventually(kPatience, [&] {
    support_log = Execute(*harness_, "<ReadLog _=\"SupportLog\" count=\"50\"/>");
    return absl::StrContains(
        support_log, absl::StrCat("CloudConn lost ", first.count, " messages, ids ", first.first_id,
                                  " to ", first.last_id));
  })) << support_log;
  EXPECT_THAT(support_log, HasSubstr(reason));
}

}  // namespace
}  // namespace fieldgate::system_test
