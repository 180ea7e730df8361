// CS-110 to CS-119: the logs that a connector sends.
#include "services/config_store/validation/log_sections.h"

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
  v1::Connector connector;
  std::vector<std::string> problems;
  std::vector<std::string> log_problems;
};

v1::DataPoint Point(const std::string& name, const std::string& path) {
  v1::DataPoint point;
  point.set_name(name);
  point.set_path(path);
  return point;
}

google::protobuf::RepeatedPtrField<v1::Log> Logs() {
  google::protobuf::RepeatedPtrField<v1::Log> logs;
  for (const char* name : {"Energy", "Alarms"}) {
    v1::Log& log = *logs.Add();
    log.set_name(name);
    *log.add_points() = Point("P", absl::StrCat("/Process/Bus/", name, "/P"));
  }
  return logs;
}

// `realtime` stands in a section Realtime1 of the same connector.
Result Read(absl::string_view settings, const v1::DataPoint& realtime = v1::DataPoint(),
            bool virtual_devices = false) {
  const tixml::Node element = Database("CloudConn", settings);
  Problems problems;
  Problems log_problems;
  Result result;
  result.connector.set_virtual_devices(virtual_devices);
  Fields fields(Fields::Of::kChildren, element, {"/ISP/CloudConn", 0}, problems);
  Sensors sensors;
  sensors.Note(realtime, "Realtime1", {"/ISP/CloudConn/Realtime1/A", 0}, problems);
  ReadLogSections(fields, Logs(), result.connector, sensors, problems, log_problems);
  result.problems = Lines(problems);
  result.log_problems = Lines(log_problems);
  return result;
}

TEST(LogSectionsTest, ALogIsSentEveryHourWithItsDataPoints) {
  const Result result = Read("<Log1 _=\"Energy\"/>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.log_problems, IsEmpty());
  ASSERT_EQ(result.connector.log_sections_size(), 1);
  const v1::LogSection& section = result.connector.log_sections(0);
  EXPECT_EQ(section.number(), 1);
  EXPECT_EQ(section.log(), "Energy");
  EXPECT_EQ(section.send_period_s(), 3'600u);
  ASSERT_EQ(section.points_size(), 1);
  EXPECT_EQ(section.points(0).path(), "/Process/Bus/Energy/P");
}

TEST(LogSectionsTest, SendTimesAreWholeSecondsOrByCommand) {
  const Result result = Read(
      "<log2 _=\"Energy\"/><LOGSendTime2 _=\"1\"/><Log5 _=\"Alarms\"/><LogSendTime5 _=\"-1\"/>");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.connector.log_sections_size(), 2);
  EXPECT_EQ(result.connector.log_sections(0).number(), 2);
  EXPECT_EQ(result.connector.log_sections(0).send_period_s(), 1u);
  EXPECT_EQ(result.connector.log_sections(1).number(), 5);
  EXPECT_EQ(result.connector.log_sections(1).send_period_s(), 0u);
  EXPECT_EQ(Read("<Log1 _=\"Energy\"/><LogSendTime1 _=\"1073741824\"/>")
                .connector.log_sections(0)
                .send_period_s(),
            1u << 30);
  for (const char* bad : {"0", "-2", "1073741825"}) {
    EXPECT_THAT(
        Read(absl::StrCat("<Log1 _=\"Energy\"/>\n<LogSendTime1 _=\"", bad, "\"/>")).problems,
        ElementsAre(absl::StrCat("error 2 /ISP/CloudConn/LogSendTime1: '", bad,
                                 "' is out of range; write a number from 1 to 1073741824, or -1 to "
                                 "send it by command only")));
  }
  EXPECT_THAT(Read("<Log1 _=\"Energy\"/><LogSendTime1 _=\"0.5\"/>").problems,
              ElementsAre(HasSubstr("'0.5' is not a whole number of seconds")));
}

TEST(LogSectionsTest, ALogThatDoesNotExistIsLeftOutWithAWarning) {
  const Result result = Read("<Log1 _=\"Enregy\"/>\n<Log2 _=\"Water\"/>\n<Log3 _=\"Alarms\"/>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.log_problems,
              ElementsAre("warning 1 /ISP/CloudConn/Log1: there is no log 'Enregy'; nothing of it "
                          "is sent; did you mean Energy?",
                          "warning 2 /ISP/CloudConn/Log2: there is no log 'Water'; nothing of it "
                          "is sent; configure it in LOG"));
  ASSERT_EQ(result.connector.log_sections_size(), 1);
  EXPECT_EQ(result.connector.log_sections(0).number(), 3);
}

TEST(LogSectionsTest, AnEmptySectionIsNone) {
  const Result result = Read("<Log1/>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.connector.log_sections(), IsEmpty());
}

TEST(LogSectionsTest, DataPointsInTheSectionAreAnError) {
  EXPECT_THAT(Read("<Log1><P _=\"/a\"/></Log1>").problems,
              ElementsAre("error 1 /ISP/CloudConn/Log1: it does not name a log; write <Log1 "
                          "_=\"NAME\"/>; its data points stand in LOG"));
}

TEST(LogSectionsTest, OneLogIsSentOnce) {
  EXPECT_THAT(Read("<Log1 _=\"Energy\"/>\n<Log2 _=\"Energy\"/>").problems,
              ElementsAre("error 2 /ISP/CloudConn/Log2: the log 'Energy' is sent already; remove "
                          "one of the two"));
}

TEST(LogSectionsTest, ASendTimeWithoutItsLogIsAWarning) {
  EXPECT_THAT(Read("<LogSendTime2 _=\"1\"/>").problems,
              ElementsAre("warning 1 /ISP/CloudConn/LogSendTime2: it has no effect without Log2; "
                          "write <Log2 _=\"NAME\"/> of a log, or remove it"));
}

TEST(LogSectionsTest, ThereAreFiveSections) {
  EXPECT_THAT(Read("<Log6 _=\"Energy\"/>\n<LogSendTime0 _=\"1\"/>").problems,
              ElementsAre("error 1 /ISP/CloudConn/Log6: there is no log section 6; use the "
                          "sections 1 to 5",
                          "error 2 /ISP/CloudConn/LogSendTime0: there is no log section 0; use the "
                          "sections 1 to 5"));
}

TEST(LogSectionsTest, AValueOfARealtimeSectionMayBeInALog) {
  EXPECT_THAT(Read("<Log1 _=\"Energy\"/>", Point("A", "/Process/Bus/Energy/P")).log_problems,
              IsEmpty());
}

TEST(LogSectionsTest, ALogMustNotBecomeAnotherPathsSensor) {
  EXPECT_THAT(
      Read("<Log1 _=\"Energy\"/>", Point("A", "/Process/Bus_Energy/P")).log_problems,
      ElementsAre("error 1 /ISP/CloudConn/Log1: '/Process/Bus/Energy/P' is sent as sensor P of "
                  "controller Process_Bus_Energy, and so is '/Process/Bus_Energy/P' of "
                  "/ISP/CloudConn/Realtime1/A; rename one of them"));
}

TEST(LogSectionsTest, WithVirtualDevicesEveryPointOfALogNamesIts) {
  EXPECT_THAT(
      Read("<Log1 _=\"Energy\"/>", v1::DataPoint(), /*virtual_devices=*/true).log_problems,
      ElementsAre("error 1 /ISP/CloudConn/Log1: the data point P of the log Energy has no "
                  "meta_virtual_device, which virtual_devices=1 requires; write "
                  "meta_virtual_device=\"NAME\" at every data point, or set virtual_devices to 0"));
}

}  // namespace
}  // namespace fieldgate::config_store
