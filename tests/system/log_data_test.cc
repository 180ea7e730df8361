// Log data (manual 1): a log is recorded in the gateway, also while the broker
// is away, and each of its records arrives once, in order, with the time of its
// recording.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <mutex>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "tests/simulators/portal/messages.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// What one record holds, as the portal gets it and as ReadLog shows it.
struct Recorded {
  std::string value;
  int64_t timestamp = 0;

  friend bool operator==(const Recorded&, const Recorded&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Recorded& r) {
    return out << r.value << " at " << r.timestamp;
  }
};

// The records that a portal has got, by message_id: one that comes again is one.
class Records {
 public:
  void OnMessage(const std::string& topic, const std::string& body) {
    if (!absl::EndsWith(topic, "/data")) return;
    const absl::StatusOr<portal::DataMessage> message = portal::ParseDataMessage(body);
    if (!message.ok()) return;  // the portal notes it
    for (const portal::SensorValue& value : message->values) {
      if (value.sensor != "Counter") continue;
      const std::lock_guard lock(mutex_);
      records_[message->message_id] = {value.value, message->timestamp};
    }
  }

  std::vector<Recorded> InOrder() const {
    const std::lock_guard lock(mutex_);
    std::vector<Recorded> records;
    for (const auto& [id, record] : records_) records.push_back(record);
    return records;
  }
  size_t count() const { return InOrder().size(); }

 private:
  mutable std::mutex mutex_;
  std::map<int64_t, Recorded> records_;
};

class LogDataTest : public testing::Test {
 protected:
  // A gateway with a log Energy of the variable Counter, recorded by command.
  void Start(const std::string& send_time) {
    GatewayHarness::Options options;
    // Keeps the portal's session while it is stopped.
    options.broker.config = {"persistence true", "autosave_interval 1", "autosave_on_changes true"};
    options.cloud.more =
        absl::StrCat("    <Log1 _=\"Energy\"/>\n    <LogSendTime1 _=\"", send_time, "\"/>\n");
    options.on_message = [this](const std::string& topic, const std::string& body) {
      records_.OnMessage(topic, body);
    };
    harness_.emplace(std::move(options));
    harness_->StartGateway();
    ASSERT_THAT(harness_->WaitUntilComplete(1), IsEmpty());
    Execute(
        "<SetConfig _=\"PROCCFG/ProcessVars\" ver=\"y\"><Counter value=\"0\"/></SetConfig>"
        "<SetConfig _=\"LOG\" ver=\"y\"><Energy>"
        "<Counter _=\"/Process/PV/Counter\" meta_type=\"energy\" meta_unit=\"kWh\"/>"
        "</Energy></SetConfig>");
    // It is announced, although no realtime section has it.
    ASSERT_TRUE(Eventually(
        kPatience, [&] { return harness_->Data().Find("Process_PV", "Counter") != nullptr; }));
  }

  // The commands' answers, by the command line.
  std::string Execute(const std::string& commands) {
    const Outcome outcome = harness_->Run("tixml", {absl::StrCat("[", commands, "]")});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    return outcome.output;
  }
  // Sets the counter to first .. last, with a record each.
  void Record(int first, int last) {
    std::string commands;
    for (int i = first; i <= last; ++i) {
      absl::StrAppend(&commands, "<Set _=\"/Process/PV/Counter\" value=\"", i,
                      "\"/><RecordLog _=\"Energy\"/>");
    }
    Execute(commands);
  }
  // The whole log, as the gateway keeps it.
  std::vector<Recorded> Log() {
    const std::string text = Execute("<ReadLog _=\"Energy\" order=\"oldest\" count=\"1000\"/>");
    const absl::StatusOr<tixml::Document> document = tixml::Parse(text);
    EXPECT_TRUE(document.ok()) << text;
    std::vector<Recorded> records;
    if (!document.ok()) return records;
    for (const tixml::Node& node : document->nodes.at(0).children.at(0).children) {
      absl::Time time;
      std::string error;
      EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, *node.Find("time"), &time, &error)) << error;
      records.push_back({*node.Child("Counter")->Find("_"), absl::ToUnixSeconds(time)});
    }
    return records;
  }

  Records records_;
  std::optional<GatewayHarness> harness_;
};

TEST_F(LogDataTest, RecordsOfAnOutageArriveOnceInOrderWithTheirTimeThroughKills) {
  Start("1");
  Record(1, 20);
  ASSERT_TRUE(Eventually(kPatience, [&] { return records_.count() >= 20; }));

  harness_->broker().Stop();
  ASSERT_TRUE(Eventually(kPatience, [&] { return !harness_->Status().AllIsWell(); }));
  Record(21, 300);
  harness_->Kill("cloud_link");
  // The command line finds it again.
  ASSERT_TRUE(Eventually(kPatience, [&] { return harness_->Status().outcome.exit_status == 0; }));
  Record(301, 600);
  ASSERT_TRUE(harness_->broker().Start().ok());
  // In the middle of the delivery, wherever that is.
  ASSERT_TRUE(Eventually(kPatience, [&] { return records_.count() > 20; }));
  harness_->Kill("cloud_link");
  ASSERT_TRUE(Eventually(kPatience, [&] { return records_.count() >= 600; }))
      << records_.count() << " records";

  // Live data are complete, too, and with them all ids.
  EXPECT_THAT(harness_->WaitUntilComplete(3), IsEmpty());
  const std::vector<Recorded> log = Log();
  ASSERT_EQ(log.size(), 600u);
  EXPECT_EQ(log.back().value, "600");
  EXPECT_EQ(records_.InOrder(), log);
  EXPECT_THAT(harness_->Run("status").output, HasSubstr("taken up to record 600"));
}

TEST_F(LogDataTest, WithoutAPeriodRecordsAreSentOnCommand) {
  Start("-1");
  Record(1, 5);
  ASSERT_TRUE(harness_->MoreMessages(3));
  EXPECT_EQ(records_.count(), 0u);
  const portal::Command command{.kind = portal::CommandKind::kCmd,
                                .request_id = "r1",
                                .serial_number = kSerialNumber,
                                .commands = tixml::Parse("<CloudSendLogData _=\"CloudConn,Log1\"/>"
                                                         "<ReadLog _=\"Energy\" count=\"1\"/>")
                                                ->nodes};
  ASSERT_TRUE(harness_->portal().SendCommand(kGateway, command).ok());
  ASSERT_TRUE(Eventually(kPatience, [&] { return records_.count() >= 5; }));
  EXPECT_EQ(records_.InOrder(), Log());
  ASSERT_TRUE(
      Eventually(kPatience, [&] { return !harness_->portal().Snapshot().results.empty(); }));
  const portal::CommandResult result = harness_->portal().Snapshot().results.front();
  EXPECT_EQ(result.error_code, 0) << result.body;
  EXPECT_THAT(result.body, HasSubstr("<Energy more=\"1\" next=\"5\">"));
  EXPECT_THAT(harness_->WaitUntilComplete(1), IsEmpty());
}

// A log goes on with process_data, whose file has all that was recorded.
TEST_F(LogDataTest, RecordsSurviveAKillOfTheAcquisition) {
  Start("1");
  harness_->broker().Stop();
  Record(1, 50);
  harness_->Signal("process_data", SIGKILL);
  ASSERT_TRUE(Eventually(kPatience, [&] {
    return absl::StrContains(harness_->Run("tixml", {"[<ReadLog/>]"}).output, "last=\"50\"");
  }));
  ASSERT_TRUE(harness_->broker().Start().ok());
  ASSERT_TRUE(Eventually(kPatience, [&] { return records_.count() >= 50; }));
  EXPECT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
  EXPECT_EQ(records_.InOrder(), Log());
}

}  // namespace
}  // namespace fieldgate::system_test
