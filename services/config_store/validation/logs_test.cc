// CS-100 to CS-109: the LOG database.
#include "services/config_store/validation/logs.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config_store/validation/test_support.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Result {
  google::protobuf::RepeatedPtrField<v1::Log> logs;
  std::vector<std::string> problems;
  std::vector<std::string> unknown_paths;
};

Result Read(absl::string_view elements) {
  v1::Acquisition acquisition;
  acquisition.add_process_variables()->set_name("Level");
  const tixml::Node database = Database("LOG", elements);
  Problems problems;
  Problems unknown_paths;
  Result result;
  result.logs = ReadLogs(&database, Origins(acquisition), problems, unknown_paths);
  result.problems = Lines(problems);
  result.unknown_paths = Lines(unknown_paths);
  return result;
}

// One log of these attributes with one data point.
Result ReadLog(absl::string_view attributes) {
  return Read(absl::StrCat("<A ", attributes,
                           "><Level _=\"/Process/PV/Level\" meta_type=\"custom\"/></A>"));
}

TEST(LogsTest, WithoutTheDatabaseThereIsNoLog) {
  Problems problems;
  EXPECT_THAT(ReadLogs(nullptr, Origins({}), problems, problems), IsEmpty());
}

TEST(LogsTest, EachSettingIsTaken) {
  const Result result = ReadLog("cycle=\"60\" onchange=\"1\" maxage=\"30d\" maxmb=\"2\"");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.unknown_paths, IsEmpty());
  ASSERT_EQ(result.logs.size(), 1);
  const v1::Log& log = result.logs[0];
  EXPECT_EQ(log.name(), "A");
  EXPECT_EQ(log.cycle_ms(), 60'000u);
  EXPECT_TRUE(log.on_change());
  EXPECT_EQ(log.max_age_s(), 30u * 86'400);
  EXPECT_EQ(log.max_bytes(), 2u << 20);
  ASSERT_EQ(log.points_size(), 1);
  EXPECT_EQ(log.points(0).name(), "Level");
  EXPECT_EQ(log.points(0).path(), "/Process/PV/Level");
  EXPECT_EQ(log.points(0).origin(), v1::DataPoint::OTHER);
  EXPECT_EQ(log.points(0).metadata(0).name(), "type");
}

TEST(LogsTest, ALogWithoutSettingsIsRecordedByCommandOnly) {
  const Result result = ReadLog("");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.logs.size(), 1);
  EXPECT_EQ(result.logs[0].cycle_ms(), 0u);
  EXPECT_FALSE(result.logs[0].on_change());
  EXPECT_EQ(result.logs[0].max_age_s(), 365u * 86'400);
  EXPECT_EQ(result.logs[0].max_bytes(), 16u << 20);
}

TEST(LogsTest, ACycleIsFrom100MillisecondsToADay) {
  for (const auto& [text, ms] :
       {std::pair("0.1", 100u), std::pair("1.005", 1'005u), std::pair("86400", 86'400'000u)}) {
    const Result result = ReadLog(absl::StrCat("cycle=\"", text, "\""));
    ASSERT_EQ(result.logs.size(), 1) << text;
    EXPECT_EQ(result.logs[0].cycle_ms(), ms);
  }
  for (const char* bad : {"0", "0.099", "86401"}) {
    EXPECT_THAT(ReadLog(absl::StrCat("cycle=\"", bad, "\"")).problems,
                ElementsAre(absl::StrCat("error 1 /LOG/A/@cycle: '", bad,
                                         "' is out of range; write a number from 0.1 to 86400, "
                                         "with at most three decimals")));
  }
  for (const char* bad : {"-1", "1.2345", "1,5", "1m"}) {
    EXPECT_THAT(ReadLog(absl::StrCat("cycle=\"", bad, "\"")).problems,
                ElementsAre(HasSubstr(absl::StrCat("'", bad, "' is not a number of seconds"))));
  }
}

TEST(LogsTest, AnAgeIsAWholeNumberWithItsUnit) {
  for (const auto& [text, seconds] :
       {std::pair("1s", 1u), std::pair("90m", 5'400u), std::pair("12h", 43'200u),
        std::pair("3650d", 315'360'000u)}) {
    const Result result = ReadLog(absl::StrCat("maxage=\"", text, "\""));
    ASSERT_EQ(result.logs.size(), 1) << text;
    EXPECT_EQ(result.logs[0].max_age_s(), seconds);
  }
  for (const char* bad : {"0s", "-1d", "3651d", "9223372036854775807d"}) {
    EXPECT_THAT(ReadLog(absl::StrCat("maxage=\"", bad, "\"")).problems,
                ElementsAre(absl::StrCat("error 1 /LOG/A/@maxage: '", bad,
                                         "' is out of range; write a whole number with s, m, h or "
                                         "d behind it, from 1s to 3650d")));
  }
  for (const char* bad : {"30", "d", "1.5h", "1w", "30 d"}) {
    EXPECT_THAT(ReadLog(absl::StrCat("maxage=\"", bad, "\"")).problems,
                ElementsAre(HasSubstr(absl::StrCat("'", bad, "' is no age"))));
  }
}

TEST(LogsTest, OtherWrongSettingsAreNamedAndTheLogIsLeftOut) {
  const Result result = ReadLog("onchange=\"yes\" maxmb=\"0\"");
  EXPECT_THAT(result.problems,
              ElementsAre("error 1 /LOG/A/@onchange: 'yes' is neither 0 nor 1; write 0 or 1",
                          "error 1 /LOG/A/@maxmb: '0' is out of range; write a number from 1 to "
                          "100000"));
  EXPECT_THAT(result.logs, IsEmpty());
}

TEST(LogsTest, UnknownAttributesAreWarnings) {
  const Result result =
      Read("<A cycl=\"1\"><L _=\"/Process/PV/Level\" hysteresis=\"1\" meta_type=\"custom\"/></A>");
  EXPECT_THAT(result.problems,
              ElementsAre("warning 1 /LOG/A/@cycl: 'cycl' is not known here and has no effect; "
                          "did you mean cycle?",
                          HasSubstr("warning 1 /LOG/A/L/@hysteresis: 'hysteresis' is not known")));
  EXPECT_EQ(result.logs.size(), 1);
}

TEST(LogsTest, AnUnknownPathIsAWarning) {
  const Result result = Read("<A><L _=\"/Process/PV/Lvel\" meta_type=\"custom\"/></A>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.unknown_paths,
              ElementsAre("warning 1 /LOG/A/L: nothing gives the value '/Process/PV/Lvel'; it is "
                          "recorded as invalid; mend the path, or configure the bus point or "
                          "process variable in PROCCFG"));
  EXPECT_EQ(result.logs[0].points(0).origin(), v1::DataPoint::UNKNOWN);
}

TEST(LogsTest, AnEmptyElementIsNoLog) {
  EXPECT_THAT(Read("<A/>").problems, IsEmpty());
  EXPECT_THAT(Read("<A/>").logs, IsEmpty());
  const Result result = Read("<A cycle=\"1\"/>");
  EXPECT_THAT(result.logs, IsEmpty());
  EXPECT_THAT(result.problems,
              ElementsAre("warning 1 /LOG/A: it has no data point, so there is no such log; write "
                          "<NAME _=\"/Process/...\"/> into it, or leave it empty to remove it"));
}

TEST(LogsTest, NamesAreUniqueFitForAPathAndNotThoseOfMessageLogs) {
  const std::string point = "<L _=\"/SerialNo\" meta_type=\"custom\"/>";
  EXPECT_THAT(Read(absl::StrCat("<A>", point, "</A>\n<A>", point, "</A>")).problems,
              ElementsAre("error 2 /LOG/A: the log A is given twice; rename one of them"));
  for (const char* name : {"SupportLog", "Event", "JobReport", "Login"}) {
    EXPECT_THAT(Read(absl::StrCat("<", name, ">", point, "</", name, ">")).problems,
                ElementsAre(absl::StrCat("error 1 /LOG/", name, ": ", name,
                                         " is the gateway's own log of messages; give the log "
                                         "another name")));
  }
  EXPECT_THAT(Read(absl::StrCat("<login>", point, "</login>")).problems,
              ElementsAre(HasSubstr("Login is the gateway's own log")));
  const std::string longest(64, 'a');
  EXPECT_EQ(Read(absl::StrCat("<", longest, ">", point, "</", longest, ">")).logs.size(), 1);
  for (const std::string& name : {longest + "a", std::string("Z\xc3\xa4hler")}) {
    EXPECT_THAT(Read(absl::StrCat("<", name, ">", point, "</", name, ">")).problems,
                ElementsAre(HasSubstr("can't be the name of a log; write at most 64 of the "
                                      "characters A-Z a-z 0-9 _ . : -")));
  }
}

TEST(LogsTest, ThereAreAtMost20Logs) {
  std::string logs;
  for (int i = 0; i < 20; ++i) {
    absl::StrAppend(&logs, "<L", i, "><P _=\"/SerialNo\" meta_type=\"custom\"/></L", i, ">\n");
  }
  EXPECT_EQ(Read(logs).logs.size(), 20);
  absl::StrAppend(&logs, "<L20><P _=\"/SerialNo\" meta_type=\"custom\"/></L20>");
  EXPECT_THAT(Read(logs).problems,
              ElementsAre("error 21 /LOG/L20: there are more than 20 logs; put several data points "
                          "into one log"));
}

TEST(LogsTest, ALogHasAtMost1000Points) {
  std::string points;
  for (int i = 0; i < 1'000; ++i) {
    absl::StrAppend(&points, "<P", i, " _=\"/GNSS/P", i, "\" meta_type=\"custom\"/>");
  }
  EXPECT_EQ(Read(absl::StrCat("<A>", points, "</A>")).logs[0].points_size(), 1'000);
  EXPECT_THAT(
      Read(absl::StrCat("<A>", points, "<Q _=\"/GNSS/Q\" meta_type=\"custom\"/></A>")).problems,
      ElementsAre("error 1 /LOG/A: it has 1001 data points; use at most 1000, and a further "
                  "log for the rest"));
}

TEST(LogsTest, TheDataPointsOfALogBecomeDifferentSensors) {
  EXPECT_THAT(Read("<A><X _=\"/a/b/x y\" meta_type=\"custom\"/>\n"
                   "<Y _=\"/a_b/x_y\" meta_type=\"custom\"/>\n"
                   "<Y _=\"/a_b/z\" meta_type=\"custom\"/></A>")
                  .problems,
              ElementsAre("error 2 /LOG/A/Y: '/a_b/x_y' is sent as sensor x_y of controller a_b, "
                          "and so is '/a/b/x y' of /LOG/A/X; rename one of them",
                          "error 3 /LOG/A/Y: the log has two data points named Y; rename one of "
                          "them"));
}

TEST(LogsTest, AGpsPointHasBothPaths) {
  const Result result =
      Read("<A><G _=\"/GNSS/Latitude\" lng=\"/GNSS/Longitude\" meta_type=\"gps\"/></A>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(result.logs[0].points(0).second_path(), "/GNSS/Longitude");
}

TEST(LogsTest, ALogOnChangeMustNotRecordTheValuesOfLogs) {
  const std::string point = "<L _=\"/Process/Log/B/LastRecord\" meta_type=\"custom\"/>";
  EXPECT_THAT(Read(absl::StrCat("<A onchange=\"1\">", point, "</A>")).problems,
              ElementsAre("error 1 /LOG/A/L: '/Process/Log/B/LastRecord' changes with each record, "
                          "so a log with onchange=\"1\" would never come to rest; remove it, or "
                          "record the log with a cycle"));
  EXPECT_THAT(Read(absl::StrCat("<A cycle=\"1\">", point, "</A>")).problems, IsEmpty());
}

}  // namespace
}  // namespace fieldgate::config_store
