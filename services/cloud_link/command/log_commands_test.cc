// CloudSendLogData, RecordLog and ReadLog.
#include <gmock/gmock.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "common/tixml/error.h"
#include "services/cloud_link/command/fake_ports.h"
#include "services/cloud_link/command/interpreter.h"
#include "services/cloud_link/payload/request.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tixml::Node;

// 2026-11-25T10:00:00Z
constexpr int64_t kStart = 1'795'600'800;

class LogCommandsTest : public testing::Test {
 protected:
  TestLog& log(const std::string& name = "Energy") {
    return process_.logs_
        .try_emplace(name, std::vector<std::string>{"/Process/B/D/Voltage", "/Process/B/D/Text"})
        .first->second;
  }
  // Records first .. last, a minute apart.
  void Record(int64_t first, int64_t last) {
    for (int64_t i = first; i <= last; ++i) {
      log().Record((kStart + 60 * i) * 1'000'000, {230.5 + static_cast<double>(i), Value()});
    }
  }

  Interpreter::TextResult Execute(absl::string_view text) {
    return interpreter_.ExecuteText(CommandText(text), {"command line", ""});
  }
  // The answer's element for the log; its attributes and records.
  Node Answer(absl::string_view command) {
    const Interpreter::Result result =
        interpreter_.Execute(tixml::Parse(command)->nodes, {"test", ""});
    EXPECT_FALSE(result.failed) << command << ": " << testing::PrintToString(result.problems);
    if (result.failed || result.answers.at(0).children.size() != 1) return {};
    return result.answers[0].children[0];
  }
  static std::vector<int64_t> Ids(const Node& answer) {
    std::vector<int64_t> ids;
    for (const Node& record : answer.children) {
      int64_t id = -1;
      EXPECT_TRUE(absl::SimpleAtoi(*record.Find("id"), &id));
      ids.push_back(id);
    }
    return ids;
  }
  // All pages of a query, by `next`.
  std::vector<int64_t> Pages(const std::string& attributes) {
    std::vector<int64_t> ids;
    std::string after;
    for (int page = 0; page < 100; ++page) {
      const Node answer = Answer(absl::StrCat("<ReadLog _=\"Energy\" ", attributes, after, "/>"));
      for (const int64_t id : Ids(answer)) ids.push_back(id);
      if (answer.Find("more") == nullptr) return ids;
      after = absl::StrCat(" after=\"", *answer.Find("next"), "\"");
    }
    ADD_FAILURE() << "the pages don't end";
    return ids;
  }
  static std::vector<int64_t> Numbers(int64_t first, int64_t last) {
    std::vector<int64_t> numbers;
    for (int64_t i = first; i != last; i += first < last ? 1 : -1) numbers.push_back(i);
    numbers.push_back(last);
    return numbers;
  }

  FakeProcessPort process_;
  FakeConfigPort config_;
  FakeGatewayPort gateway_;
  FakeEventPort events_;
  Interpreter interpreter_{{process_, config_, gateway_, events_}};
};

// --- CloudSendLogData ---

TEST_F(LogCommandsTest, SendsLogDataInEachFormOfTheCommand) {
  for (const char* command :
       {"[<CloudSendLogData/>]", "[<CloudSendLogData _=\"CloudConn2\"/>]",
        "[<CloudSendLogData _=\"CloudConn,Log3\"/>]", "[<CloudSendLogData _=\" , log1\"/>]"}) {
    EXPECT_EQ(Execute(command).text, "[<CloudSendLogData/>]");
  }
  EXPECT_THAT(gateway_.calls_, ElementsAre("SendLogData CloudConn", "SendLogData CloudConn2",
                                           "SendLogData CloudConn 3", "SendLogData CloudConn 1"));
}

TEST_F(LogCommandsTest, ASectionThatIsNotThereIsAnErrorWithTheReason) {
  EXPECT_THAT(Execute("[<CloudSendLogData _=\"CloudConn,Realtime1\"/>]").problems,
              ElementsAre(HasSubstr("'Realtime1' is no section; write Log1")));
  EXPECT_THAT(gateway_.calls_, IsEmpty());
  gateway_.failure_ = absl::NotFoundError("CloudConn has no Log4");
  EXPECT_THAT(Execute("[<CloudSendLogData _=\"CloudConn,Log4\"/>]").problems,
              ElementsAre("line 1: CloudSendLogData: CloudConn has no Log4"));
}

// --- RecordLog ---

TEST_F(LogCommandsTest, RecordLogAnswersTheId) {
  log();
  process_.record_ = {1.5, std::string("x")};
  EXPECT_EQ(Execute("[<RecordLog _=\"Energy\"/>]").text, "[<RecordLog id=\"1\"/>]");
  EXPECT_EQ(Execute("[<RecordLog _=\"Energy\"/>]").text, "[<RecordLog id=\"2\"/>]");
}

TEST_F(LogCommandsTest, RecordLogSaysWhatIsWrong) {
  EXPECT_THAT(Execute("[<RecordLog/>]").problems,
              ElementsAre("line 1: RecordLog names no log; write <RecordLog _=\"Energy\"/>"));
  EXPECT_THAT(Execute("[<RecordLog _=\"Alarms\"/>]").problems,
              ElementsAre("line 1: RecordLog Alarms: there is no log Alarms"));
  process_.failures_["RecordLog Energy"] = absl::UnavailableError("disk full");
  EXPECT_THAT(Execute("[<RecordLog _=\"Energy\"/>]").text,
              HasSubstr(absl::StrCat(tixml::kUnavailable)));
}

// --- ReadLog: records ---

TEST_F(LogCommandsTest, ARecordHasItsIdItsTimeAndTheValuesByTheirNames) {
  log().Record(kStart * 1'000'000, {230.5, std::string("<on>")});
  log().Record(kStart * 1'000'000 + 250'000, {Value(), Value()});
  EXPECT_EQ(Execute("[<ReadLog _=\"Energy\" order=\"oldest\"/>]").text,
            "[<ReadLog>\n"
            "  <Energy>\n"
            "    <Record id=\"1\" time=\"2026-11-25T10:00:00Z\">\n"
            "      <Voltage _=\"230.5\" state=\"1\"/>\n"
            "      <Text _=\"&lt;on&gt;\" state=\"1\"/>\n"
            "    </Record>\n"
            "    <Record id=\"2\" time=\"2026-11-25T10:00:00.25Z\">\n"
            "      <Voltage _=\"\" state=\"1\"/>\n"
            "      <Text _=\"\" state=\"1\"/>\n"
            "    </Record>\n"
            "  </Energy>\n"
            "</ReadLog>]");
}

TEST_F(LogCommandsTest, JsonHasTheSame) {
  log().Record(kStart * 1'000'000, {230.5, Value()});
  EXPECT_EQ(Execute(R"({"ReadLog": {"-_": "Energy", "-count": 1}})").text,
            R"({"ReadLog":{"Energy":{"Record":{"-id":"1","-time":"2026-11-25T10:00:00Z",)"
            R"("Voltage":{"-_":"230.5","-state":"1"},"Text":{"-_":"","-state":"1"}}}}})");
}

TEST_F(LogCommandsTest, RecordsOfAFormerDefinitionHaveTheirNames) {
  Record(1, 1);
  log().SetPaths({"/Process/B/D/Power"});
  log().Record(kStart * 1'000'000, {1.5});
  const Node answer = Answer("<ReadLog _=\"Energy\" order=\"oldest\"/>");
  EXPECT_NE(answer.children.at(0).Child("Voltage"), nullptr);
  EXPECT_NE(answer.children.at(1).Child("Power"), nullptr);
}

TEST_F(LogCommandsTest, TheNewestHundredComeFirstByDefault) {
  Record(1, 250);
  const Node answer = Answer("<ReadLog _=\"Energy\"/>");
  EXPECT_EQ(Ids(answer), Numbers(250, 151));
  EXPECT_EQ(*answer.Find("more"), "1");
  EXPECT_EQ(*answer.Find("next"), "151");
}

TEST_F(LogCommandsTest, WithoutMoreThereIsNoNext) {
  Record(1, 3);
  const Node answer = Answer("<ReadLog _=\"Energy\" count=\"3\"/>");
  EXPECT_EQ(Ids(answer), Numbers(3, 1));
  EXPECT_THAT(answer.attributes, IsEmpty());
  log("Empty");
  EXPECT_THAT(Answer("<ReadLog _=\"Empty\"/>").children, IsEmpty());
}

TEST_F(LogCommandsTest, NextLeadsThroughAllPagesInEitherOrder) {
  Record(1, 250);
  log().DropUntil(13);
  EXPECT_EQ(Pages("order=\"oldest\" count=\"40\""), Numbers(14, 250));
  EXPECT_EQ(Pages("count=\"40\""), Numbers(250, 14));
  EXPECT_EQ(Pages("order=\"newest\" count=\"3\""), Numbers(250, 14));
}

TEST_F(LogCommandsTest, AfterGoesOnInTheOrderAskedFor) {
  Record(1, 10);
  EXPECT_EQ(Ids(Answer("<ReadLog _=\"Energy\" order=\"oldest\" after=\"8\"/>")), Numbers(9, 10));
  EXPECT_EQ(Ids(Answer("<ReadLog _=\"Energy\" after=\"3\"/>")), Numbers(2, 1));
  EXPECT_THAT(Ids(Answer("<ReadLog _=\"Energy\" after=\"1\"/>")), IsEmpty());
  EXPECT_THAT(Ids(Answer("<ReadLog _=\"Energy\" order=\"oldest\" after=\"10\"/>")), IsEmpty());
  EXPECT_EQ(Ids(Answer("<ReadLog _=\"Energy\" after=\"0\" count=\"2\"/>")), Numbers(10, 9));
}

TEST_F(LogCommandsTest, FromAndUntilAreIsoTimesOrUnixSeconds) {
  Record(1, 30);  // 10:01 to 10:30
  for (const char* range : {
           "from=\"2026-11-25T10:05:00Z\" until=\"2026-11-25T10:08:00Z\"",
           "from=\"2026-11-25T10:05\" until=\"2026-11-25T10:07:59.5Z\"",
           "from=\"2026-11-25T11:05:00+01:00\" until=\"2026-11-25T05:08-05:00\"",
           "from=\"1795601100\" until=\"1795601279.5\"",
       }) {
    EXPECT_EQ(Ids(Answer(absl::StrCat("<ReadLog _=\"Energy\" order=\"oldest\" ", range, "/>"))),
              Numbers(5, 7))
        << range;
  }
  EXPECT_THAT(Ids(Answer("<ReadLog _=\"Energy\" until=\"2026-11-25\"/>")), IsEmpty());
  EXPECT_THAT(Ids(Answer("<ReadLog _=\"Energy\" from=\"2026-11-25\"/>")), SizeIs(30));
  EXPECT_EQ(Pages("count=\"4\" until=\"2026-11-25T10:21:00Z\" from=\"2026-11-25T10:03:00Z\""),
            Numbers(20, 3));
}

TEST_F(LogCommandsTest, WrongValuesNameTheAttributeAndWhatWouldBeRight) {
  Record(1, 3);
  const std::pair<const char*, const char*> cases[] = {
      {"count=\"0\"", "ReadLog/@count: '0' is no number from 1 to 1000; write count=\"1\""},
      {"count=\"1001\"", "'1001' is no number from 1 to 1000; write count=\"1000\""},
      {"count=\"many\"", "ReadLog/@count: 'many' is no number"},
      {"order=\"up\"", "ReadLog/@order: 'up' is neither newest nor oldest"},
      {"from=\"yesterday\"",
       "ReadLog/@from: 'yesterday' is no time; write "
       "from=\"2026-11-25T10:00:00Z\""},
      {"until=\"infinite-future\"", "ReadLog/@until: 'infinite-future' is no time"},
      {"until=\"-1\"", "ReadLog/@until: '-1' is no time"},
      {"from=\"1e300\"", "ReadLog/@from: '1e300' is no time"},
      {"from=\"nan\"", "ReadLog/@from: 'nan' is no time"},
      {"from=\"20\" until=\"20\"", "ReadLog/@until: is not after from"},
      {"until=\"0\"", "ReadLog/@until: is not after from"},
      {"after=\"x\"", "ReadLog/@after: 'x' is no number from 0"},
      {"before=\"7\"", "ReadLog/@before: ReadLog has no such attribute; there are count, order"},
  };
  for (const auto& [attributes, problem] : cases) {
    const auto result = Execute(absl::StrCat("[<ReadLog _=\"Energy\" ", attributes, "/>]"));
    EXPECT_THAT(result.problems, ElementsAre(HasSubstr(problem)));
    EXPECT_THAT(result.text, HasSubstr(absl::StrCat(tixml::kInvalidValue)));
  }
  EXPECT_THAT(Execute("[<ReadLog _=\"Energy\" count=\"x\" order=\"y\"/>]").problems, SizeIs(2));
}

TEST_F(LogCommandsTest, AnUnknownLogIsAnError) {
  EXPECT_THAT(Execute("[<ReadLog _=\"Alarms\"/>]").problems,
              ElementsAre("line 1: ReadLog Alarms: there is no log Alarms"));
}

TEST_F(LogCommandsTest, AFailureOnTheWayIsAnError) {
  Record(1, 3);
  process_.failures_["ReadLog Energy"] = absl::UnavailableError("process_data is down");
  process_.failures_["ListLogs"] = absl::UnavailableError("process_data is down");
  for (const char* command :
       {"[<ReadLog _=\"Energy\"/>]", "[<ReadLog _=\"Energy\" after=\"3\"/>]", "[<ReadLog/>]"}) {
    EXPECT_THAT(Execute(command).text, HasSubstr(absl::StrCat(tixml::kUnavailable))) << command;
  }
}

// --- ReadLog: the bound of an answer ---

std::string BodyOf(tixml::Format format, const std::vector<Node>& answers) {
  return AnswerBody(RequestKind::kCmd, format, AnswerCode::kDone, "r1", answers, true);
}

class LargeLogTest : public LogCommandsTest,
                     public testing::WithParamInterface<std::pair<std::string, int>> {};

// Values of this text, so many.
TEST_P(LargeLogTest, AnAnswerIsCutBeforeItIsTooLargeAndNextLeadsOn) {
  const auto& [piece, pieces] = GetParam();
  std::string text;
  for (int i = 0; i < pieces; ++i) text += piece;
  for (int i = 1; i <= 80; ++i) log().Record(i, {static_cast<double>(i), text});
  for (const char* order : {"newest", "oldest"}) {
    std::string after;
    std::vector<int64_t> ids;
    for (int page = 0; page < 300; ++page) {
      const Interpreter::Result result = interpreter_.Execute(
          tixml::Parse(absl::StrCat("<ReadLog _=\"Energy\" count=\"1000\" order=\"", order, "\"",
                                    after, "/>"))
              ->nodes,
          {"test", ""});
      ASSERT_FALSE(result.failed);
      for (const auto format : {tixml::Format::kTiXml, tixml::Format::kXml, tixml::Format::kJson}) {
        ASSERT_LE(BodyOf(format, result.answers).size(), kMaxAnswer);
      }
      const Node& answer = result.answers.at(0).children.at(0);
      for (const int64_t id : Ids(answer)) ids.push_back(id);
      if (answer.Find("more") == nullptr) break;
      ASSERT_THAT(answer.children, testing::Not(IsEmpty()));
      after = absl::StrCat(" after=\"", *answer.Find("next"), "\"");
    }
    EXPECT_EQ(ids, std::string(order) == "newest" ? Numbers(80, 1) : Numbers(1, 80));
  }
}

INSTANTIATE_TEST_SUITE_P(Texts, LargeLogTest,
                         testing::Values(std::pair<std::string, int>("x", 20'000),
                                         std::pair<std::string, int>("\"", 20'000),
                                         std::pair<std::string, int>("\x01", 20'000),
                                         std::pair<std::string, int>("\xff", 20'000),
                                         std::pair<std::string, int>("\xc3\xa4", 10'000),
                                         std::pair<std::string, int>("\xf0\x9f\x98\x80", 5'000)));

TEST_F(LogCommandsTest, SeveralReadLogsOfOneRequestShareTheBound) {
  for (int i = 1; i <= 50; ++i) log().Record(i, {1.5, std::string(20'000, 'x')});
  const std::string one = "<ReadLog _=\"Energy\" order=\"oldest\"/>";
  const Interpreter::Result result =
      interpreter_.Execute(tixml::Parse(one + one + one)->nodes, {"test", ""});
  EXPECT_LE(BodyOf(tixml::Format::kTiXml, result.answers).size(), kMaxAnswer);
  EXPECT_THAT(result.answers.at(0).children.at(0).children, testing::Not(IsEmpty()));
  const Node& last = result.answers.at(2).children.at(0);
  EXPECT_THAT(last.children, IsEmpty());
  EXPECT_EQ(*last.Find("more"), "1");
  EXPECT_EQ(*last.Find("next"), "0") << "from the first one on";
}

TEST_F(LogCommandsTest, ARecordThatIsTooLargeByItselfIsNamedAndPassed) {
  Record(1, 1);
  log().Record(2, {1.5, std::string(900'000, 'x')});
  Record(3, 3);
  const Node answer = Answer("<ReadLog _=\"Energy\"/>");
  ASSERT_EQ(Ids(answer), Numbers(3, 1));
  EXPECT_EQ(*answer.children[1].Find("error"), "this record is too large for an answer");
  EXPECT_THAT(answer.children[1].children, IsEmpty());
}

// --- ReadLog: lists and messages ---

TEST_F(LogCommandsTest, WithoutANameTheLogsAreListed) {
  Record(1, 5);
  log().DropUntil(2);
  log("Alarms");
  EXPECT_EQ(Execute("[<ReadLog/>]").text,
            "[<ReadLog>\n"
            "  <Alarms records=\"0\" first=\"0\" last=\"0\" bytes=\"0\" dropped=\"0\"/>\n"
            "  <Energy records=\"3\" first=\"3\" last=\"5\" bytes=\"0\" dropped=\"2\"/>\n"
            "</ReadLog>]");
  EXPECT_THAT(Execute("[<ReadLog count=\"3\"/>]").problems,
              ElementsAre(HasSubstr("ReadLog without the name of a log has no such attribute")));
}

TEST_F(LogCommandsTest, MessagesAreReadNewestFirst) {
  auto& messages = config_.messages_["Event"];
  for (int i = 1; i <= 3; ++i) {
    auto& entry = messages.emplace_back();
    entry.mutable_at()->set_seconds(kStart + i);
    entry.mutable_at()->set_nanos(500'000'000);
    entry.set_source("cloud_link");
    entry.set_message(absl::StrCat("Alarm ", i));
  }
  EXPECT_EQ(Execute("[<ReadLog _=\"Event\" count=\"2\"/>]").text,
            "[<ReadLog>\n"
            "  <Event more=\"1\">\n"
            "    <Entry time=\"2026-11-25T10:00:03.5Z\" source=\"cloud_link\" _=\"Alarm 3\"/>\n"
            "    <Entry time=\"2026-11-25T10:00:02.5Z\" source=\"cloud_link\" _=\"Alarm 2\"/>\n"
            "  </Event>\n"
            "</ReadLog>]");
  for (const char* name : {"SupportLog", "JobReport", "Login"}) {
    EXPECT_THAT(Answer(absl::StrCat("<ReadLog _=\"", name, "\"/>")).children, IsEmpty());
  }
  EXPECT_THAT(Execute("[<ReadLog _=\"Event\" after=\"2\"/>]").problems,
              ElementsAre(HasSubstr("ReadLog of Event has no such attribute; there are count")));
  config_.failure_ = absl::UnavailableError("config_store is down");
  EXPECT_TRUE(Execute("[<ReadLog _=\"Event\"/>]").failed);
}

TEST_F(LogCommandsTest, ManyLongMessagesAreCutAtTheBound) {
  auto& messages = config_.messages_["SupportLog"];
  for (int i = 0; i < 1000; ++i) {
    messages.emplace_back().set_message(std::string(2'000, static_cast<char>('a' + i % 26)));
  }
  const Interpreter::Result result = interpreter_.Execute(
      tixml::Parse("<ReadLog _=\"SupportLog\" count=\"1000\"/>")->nodes, {"test", ""});
  EXPECT_LE(BodyOf(tixml::Format::kTiXml, result.answers).size(), kMaxAnswer);
  EXPECT_EQ(*result.answers.at(0).children.at(0).Find("more"), "1");
  EXPECT_GT(result.answers.at(0).children.at(0).children.size(), 300u);
}

TEST_F(LogCommandsTest, OnlyReadLogReadsOnly) {
  const auto reads_only = [](absl::string_view command) {
    return ReadsOnly(tixml::Parse(command)->nodes);
  };
  EXPECT_TRUE(reads_only("<ReadLog/>"));
  EXPECT_FALSE(reads_only("<RecordLog/>"));
  EXPECT_FALSE(reads_only("<CloudSendLogData/>"));
}

}  // namespace
}  // namespace fieldgate::cloud_link
