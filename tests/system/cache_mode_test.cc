// What each MQTTCacheMode promises, through an outage, an orderly restart and
// kill -9.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/sqlite/sqlite.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::IsEmpty;

std::string ModeElement(absl::string_view mode) {
  return absl::StrCat("    <MQTTCacheMode _=\"", mode, "\"/>\n");
}

class CacheModeTest : public testing::TestWithParam<const char*> {
 protected:
  void Start(absl::string_view mode) {
    harness_ = std::make_unique<GatewayHarness>(GatewayHarness::Options{
        .broker = {.config = {"persistence true", "autosave_interval 1",
                              "autosave_on_changes true"}},
        .on_message = [this](const std::string& topic,
                             const std::string& body) { Note(topic, body); },
        .cloud = {.more = ModeElement(mode)}});
    harness_->StartGateway();
    ASSERT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
    ASSERT_TRUE(harness_->BecomesWell());
  }

  // An outage goes on until messages wait.
  void BreakLink() {
    harness_->broker().Stop();
    ASSERT_TRUE(Eventually(kPatience, [&] { return harness_->Status().messages_waiting >= 3; }))
        << harness_->Run("status").output;
  }
  void HealLink() { ASSERT_TRUE(harness_->broker().Start().ok()); }
  void RestartGateway() {
    ASSERT_EQ(harness_->StopGateway(), 0);
    harness_->StartGatewayAgain();
  }
  // Data flow again, and what the outbox still had has come.
  void WaitUntilDelivered() {
    ASSERT_TRUE(harness_->MoreMessages(3));
    ASSERT_TRUE(harness_->BecomesWell());
    ASSERT_TRUE(Eventually(kPatience, [&] { return harness_->Status().messages_waiting <= 2; }));
  }

  void Note(const std::string& topic, const std::string& body) {
    const std::string start = "<message_id _=\"";
    const size_t at = body.find(start);
    int64_t id = 0;
    if (!topic.ends_with("/data") || at == std::string::npos) return;
    const std::string rest = body.substr(at + start.size());
    if (!absl::SimpleAtoi(rest.substr(0, rest.find('"')), &id)) return;
    const std::lock_guard lock(mutex_);
    ids_.insert(id);
  }
  // message_ids below the newest one that never came.
  std::set<int64_t> Missing() {
    const std::lock_guard lock(mutex_);
    std::set<int64_t> missing;
    for (int64_t id = 1; !ids_.empty() && id < *ids_.rbegin(); ++id) {
      if (!ids_.contains(id)) missing.insert(id);
    }
    return missing;
  }
  // message_ids in the loss records.
  std::set<int64_t> RecordedAsLost() {
    std::set<int64_t> lost;
    absl::StatusOr<std::unique_ptr<sqlite::Database>> file =
        sqlite::Database::Open(harness_->state_dir() + "/cloud_link.db");
    EXPECT_TRUE(file.ok()) << file.status();
    absl::StatusOr<sqlite::Statement> read =
        (*file)->Prepare("SELECT first_message_id, last_message_id FROM loss");
    EXPECT_TRUE(read.ok()) << read.status();
    while (read->Step().value()) {
      for (int64_t id = read->Int(0); id <= read->Int(1); ++id) lost.insert(id);
    }
    return lost;
  }
  void ExpectNothingIsMissing() { EXPECT_THAT(Missing(), IsEmpty()); }
  // Each gap has a record.
  void ExpectGapsAreExplained() {
    // The record of a kill is written with the first thing that is stored.
    EXPECT_TRUE(Eventually(kPatience,
                           [&] {
                             const std::set<int64_t> missing = Missing();
                             const std::set<int64_t> lost = RecordedAsLost();
                             return std::includes(lost.begin(), lost.end(), missing.begin(),
                                                  missing.end());
                           }))
        << testing::PrintToString(Missing()) << " never came, recorded are "
        << testing::PrintToString(RecordedAsLost());
    EXPECT_EQ(harness_->Data().out_of_order, 0);
    EXPECT_EQ(harness_->Data().conflicts, 0) << "a message_id was used twice";
  }

  std::mutex mutex_;
  std::set<int64_t> ids_;  // guarded by mutex_
  std::unique_ptr<GatewayHarness> harness_;
};

TEST_P(CacheModeTest, AnOutageLosesNothing) {
  Start(GetParam());
  BreakLink();
  HealLink();
  EXPECT_THAT(harness_->WaitUntilComplete(5), IsEmpty());
  ExpectNothingIsMissing();
  EXPECT_THAT(RecordedAsLost(), IsEmpty());
}

TEST_P(CacheModeTest, AnOrderlyRestartInAnOutageLosesMemoryAlone) {
  Start(GetParam());
  BreakLink();
  RestartGateway();
  HealLink();
  WaitUntilDelivered();
  if (GetParam() == std::string("memory")) {
    EXPECT_GE(Missing().size(), 3u);
    ExpectGapsAreExplained();
  } else {
    ExpectNothingIsMissing();
    EXPECT_THAT(RecordedAsLost(), IsEmpty());
  }
}

TEST_P(CacheModeTest, AKillInAnOutageLosesMemoryAlone) {
  Start(GetParam());
  BreakLink();
  harness_->Kill("cloud_link");
  HealLink();
  WaitUntilDelivered();
  if (GetParam() == std::string("memory")) {
    EXPECT_GE(Missing().size(), 3u);
    ExpectGapsAreExplained();
  } else {
    ExpectNothingIsMissing();
    EXPECT_THAT(RecordedAsLost(), IsEmpty());
  }
}

TEST_P(CacheModeTest, AKillWhileMessagesFlowIsExplainedAndNoIdIsUsedTwice) {
  Start(GetParam());
  for (int i = 0; i < 2; ++i) {
    harness_->Kill("cloud_link");
    WaitUntilDelivered();
  }
  if (GetParam() == std::string("durable")) {
    ExpectNothingIsMissing();
    EXPECT_THAT(RecordedAsLost(), IsEmpty());
  } else {
    ExpectGapsAreExplained();
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, CacheModeTest,
                         testing::Values("durable", "disk_on_outage", "memory"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(CacheModeTest, AChangeOfTheModeInAnOutageLosesNothingAndKeepsTheOrder) {
  Start("durable");
  BreakLink();
  for (const std::string mode : {"memory", "disk_on_outage", "memory", "durable"}) {
    std::stringstream isp;
    isp << std::ifstream(harness_->file("isp.tixml")).rdbuf();
    const Outcome outcome = harness_->Run(
        "tixml", {absl::StrReplaceAll(isp.str(), {{ModeElement("durable"), ModeElement(mode)}})});
    ASSERT_EQ(outcome.exit_status, 0) << outcome.output;
    const int64_t waiting = harness_->Status().messages_waiting;
    ASSERT_TRUE(
        Eventually(kPatience, [&] { return harness_->Status().messages_waiting > waiting; }));
  }
  HealLink();
  EXPECT_THAT(harness_->WaitUntilComplete(5), IsEmpty());
  ExpectNothingIsMissing();
}

}  // namespace
}  // namespace fieldgate::system_test
