#include "services/process_data/process_image.h"

#include <gmock/gmock.h>

#include "services/process_data/report.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

DeviceLayout Device(const std::string& path, const std::vector<std::string>& points,
                    uint64_t definition = 1) {
  DeviceLayout layout{path, {}};
  for (const std::string& point : points) layout.points.push_back({point, definition});
  return layout;
}

class ProcessImageTest : public testing::Test {
 protected:
  // "path=text" of each value.
  std::vector<std::string> Read(const std::string& path) {
    const auto readings = image_.Read(path);
    if (!readings.ok()) return {std::string(readings.status().message())};
    std::vector<std::string> values;
    for (const auto& reading : *readings) values.push_back(reading.path + "=" + reading.text);
    return values;
  }
  void Poll(const DeviceHandle& device, const std::vector<Sample>& samples) {
    image_.CommitPoll(device, {.answered = true,
                               .samples = samples,
                               .texts = std::vector<std::string>(samples.size()),
                               .sampled_at = kNow});
  }
  void Fail(const DeviceHandle& device) {
    image_.CommitPoll(device, {.answered = false, .sampled_at = kNow});
  }

  ProcessImage image_{kNow};
};

TEST_F(ProcessImageTest, APollShowsValuesDeviceStateAndChangeToggle) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P", "Q"})}, kNow);
  Poll(devices[0], {Sample::Uint(7), Sample::Float(0.5)});
  EXPECT_THAT(Read("/Process/B"),
              ElementsAre("/Process/B/D/DeviceState=1", "/Process/B/D/ChangeToggle=1",
                          "/Process/B/D/P=7", "/Process/B/D/Q=0.5"));
}

TEST_F(ProcessImageTest, ChangeToggleSwitchesWithEveryGoodPollOnly) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {})}, kNow);
  const std::string path = "/Process/B/D/ChangeToggle";
  Poll(devices[0], {});
  EXPECT_THAT(Read(path), ElementsAre(path + "=1"));
  Fail(devices[0]);
  EXPECT_THAT(Read(path), ElementsAre(path + "=1"));
  Poll(devices[0], {});
  EXPECT_THAT(Read(path), ElementsAre(path + "=0"));
}

TEST_F(ProcessImageTest, AFailedDeviceKeepsItsLastValues) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, kNow);
  Poll(devices[0], {Sample::Uint(7)});
  Fail(devices[0]);
  EXPECT_THAT(Read("/Process/B/D"),
              ElementsAre("/Process/B/D/DeviceState=0", HasSubstr("Toggle"), "/Process/B/D/P=7"));
}

TEST_F(ProcessImageTest, TheTreeIsInConfigurationOrderThenReportsVariablesProgram) {
  image_.ConfigureVariables({{"V", Value(int64_t{1})}}, kNow);
  image_.ConfigureDevices({Device("/Process/Z/D", {"P"}), Device("/Process/A/D", {"P"})}, kNow);
  const auto report = image_.OpenReport();
  ASSERT_TRUE(report->Update({}, {{"/Process/CloudConn/ConnectionState", "1"}}, kNow).ok());
  EXPECT_THAT(
      Read("/Process"),
      ElementsAre("/Process/Z/D/DeviceState=0", "/Process/Z/D/ChangeToggle=0",
                  "/Process/Z/D/P=", "/Process/A/D/DeviceState=0", "/Process/A/D/ChangeToggle=0",
                  "/Process/A/D/P=", "/Process/CloudConn/ConnectionState=1", "/Process/PV/V=1",
                  "/Process/Program/Mode=Run"));
}

TEST_F(ProcessImageTest, NotFoundNamesTheLongestPartThatExists) {
  image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, kNow);
  EXPECT_THAT(Read("/Process/B/D/Q"), ElementsAre(EndsWith("of it /Process/B/D exists")));
  EXPECT_THAT(Read("/Process/B/DD/Q"), ElementsAre(EndsWith("of it /Process/B exists")));
  EXPECT_THAT(Read("/Process/X"), ElementsAre(EndsWith("of it /Process exists")));
  EXPECT_THAT(Read("/Proces"), ElementsAre(EndsWith("Get without a path shows all")));
  EXPECT_THAT(Read(""), ElementsAre(EndsWith("Get without a path shows all")));
}

TEST_F(ProcessImageTest, AnUnchangedDeviceKeepsItsHandle) {
  const auto before = image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, kNow);
  const auto after = image_.ConfigureDevices(
      {Device("/Process/B/New", {"P"}), Device("/Process/B/D", {"P"})}, kNow);
  EXPECT_EQ(after[1], before[0]);
  Poll(before[0], {Sample::Uint(7)});
  EXPECT_THAT(Read("/Process/B/D/P"), ElementsAre("/Process/B/D/P=7"));
}

TEST_F(ProcessImageTest, PointsKeepTheirValuesWhileTheirDefinitionStays) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P", "Q"})}, kNow);
  Poll(devices[0], {Sample::Uint(7), Sample::Uint(8)});
  DeviceLayout changed = Device("/Process/B/D", {"New", "P", "Q"});
  changed.points[2].definition = 2;
  image_.ConfigureDevices({changed}, kNow);
  EXPECT_THAT(Read("/Process/B/D"),
              ElementsAre("/Process/B/D/DeviceState=1", "/Process/B/D/ChangeToggle=1",
                          "/Process/B/D/New=", "/Process/B/D/P=7", "/Process/B/D/Q="));
}

TEST_F(ProcessImageTest, PointsThatVanishAreGone) {
  image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, kNow);
  image_.ConfigureDevices({}, kNow);
  EXPECT_THAT(Read("/Process"), ElementsAre("/Process/Program/Mode=Run"));
}

TEST_F(ProcessImageTest, LocateTellsWhoWritesAPath) {
  using Kind = ProcessImage::Location::Kind;
  image_.ConfigureDevices({Device("/Process/B/D", {"P", "Q"})}, kNow);
  image_.ConfigureVariables({{"V", Value(true)}}, kNow);
  const auto q = image_.Locate("/Process/B/D/Q");
  ASSERT_TRUE(q.ok());
  EXPECT_EQ(q->kind, Kind::kBusPoint);
  EXPECT_EQ(q->device_path, "/Process/B/D");
  EXPECT_EQ(q->point, 1u);
  EXPECT_EQ(image_.Locate("/Process/B/D/DeviceState")->kind, Kind::kReadOnly);
  EXPECT_EQ(image_.Locate("/Process/PV/V")->kind, Kind::kVariable);
  EXPECT_EQ(image_.Locate("/Process/Program/Mode")->kind, Kind::kProgramMode);
  EXPECT_THAT(image_.Locate("/Process/B").status().message(), HasSubstr("is a subtree"));
}

TEST_F(ProcessImageTest, AReportIsThereUntilItEnds) {
  auto report = image_.OpenReport();
  ASSERT_TRUE(
      report->Update({}, {{"Process/CloudConn/A", "1"}, {"/Process/CloudConn/B", "x"}}, kNow).ok());
  ASSERT_TRUE(report->Update({}, {{"/Process/CloudConn/A", "2"}}, kNow).ok());
  EXPECT_THAT(Read("/Process/CloudConn"),
              ElementsAre("/Process/CloudConn/A=2", "/Process/CloudConn/B=x"));
  report.reset();
  EXPECT_THAT(Read("/Process/CloudConn"), ElementsAre(EndsWith("of it /Process exists")));
}

TEST_F(ProcessImageTest, AReportRemovesSubtreesBeforeItPutsValues) {
  const auto report = image_.OpenReport();
  ASSERT_TRUE(report->Update({}, {{"/Process/C/A/X", "1"}, {"/Process/C/AB", "2"}}, kNow).ok());
  ASSERT_TRUE(report->Update({"/Process/C/A/"}, {{"/Process/C/A/Y", "3"}}, kNow).ok());
  EXPECT_THAT(Read("/Process/C"), ElementsAre("/Process/C/AB=2", "/Process/C/A/Y=3"));
}

TEST_F(ProcessImageTest, AReportedTextIsShownAsItCame) {
  const auto report = image_.OpenReport();
  ASSERT_TRUE(report
                  ->Update({},
                           {{"/Process/C/Version", "1.10"},
                            {"/Process/C/Flag", "true"},
                            {"/Process/C/Id", "007"}},
                           kNow)
                  .ok());
  EXPECT_THAT(Read("/Process/C"),
              ElementsAre("/Process/C/Version=1.10", "/Process/C/Flag=true", "/Process/C/Id=007"));
}

TEST_F(ProcessImageTest, TheLaterReportOfAPathHasIt) {
  auto former = image_.OpenReport();
  ASSERT_TRUE(former->Update({}, {{"/Process/C/A", "old"}, {"/Process/C/B", "old"}}, kNow).ok());
  const auto later = image_.OpenReport();
  ASSERT_TRUE(later->Update({}, {{"/Process/C/A", "new"}}, kNow).ok());
  former.reset();
  EXPECT_THAT(Read("/Process/C"), ElementsAre("/Process/C/A=new"));
}

TEST_F(ProcessImageTest, AReportMustNotTakeWhatABusOrVariableOwns) {
  image_.ConfigureDevices({Device("/Process/Bus1/D", {"P"})}, kNow);
  const auto report = image_.OpenReport();
  for (const char* path :
       {"/Process/Bus1/Other", "/Process/PV/X", "/Process/Program/Mode", "/Process/MB/CPULoad",
        "/Process/Log/A/Records", "/Other/X", "/Process", "/Process//X", ""}) {
    EXPECT_EQ(report->Update({}, {{"/Process/C/A", "1"}, {path, "1"}}, kNow).code(),
              absl::StatusCode::kInvalidArgument)
        << path;
  }
  EXPECT_THAT(Read("/Process/C"), ElementsAre(HasSubstr("nothing has the path")));
}

TEST_F(ProcessImageTest, AReportIsBounded) {
  const auto report = image_.OpenReport();
  std::vector<std::pair<std::string, std::string>> values;
  for (size_t i = 0; i <= Report::kMaxValues; ++i) {
    values.emplace_back("/Process/C/" + std::to_string(i), "1");
  }
  EXPECT_FALSE(report->Update({}, values, kNow).ok());
  values.pop_back();
  EXPECT_TRUE(report->Update({}, values, kNow).ok());
}

TEST_F(ProcessImageTest, TheSystemsValuesStandAfterTheProgram) {
  image_.ConfigureSystem({{"/SerialNo", Value("007")}, {"/Process/MB/CPULoad", Value()}}, kNow);
  EXPECT_THAT(Read("/Process"), ElementsAre("/Process/Program/Mode=Run", "/Process/MB/CPULoad="));
  EXPECT_THAT(Read("/SerialNo"), ElementsAre("/SerialNo=007"));
  EXPECT_EQ(image_.Locate("/SerialNo")->kind, ProcessImage::Location::Kind::kReadOnly);
}

TEST_F(ProcessImageTest, OnlyValuesThatTheSystemHasArePut) {
  image_.ConfigureVariables({{"V", Value(int64_t{1})}}, kNow);
  image_.ConfigureSystem({{"/A", Value(int64_t{1})}, {"/B", Value(int64_t{1})}}, kNow);
  image_.PutSystem(
      {{"/A", Value(int64_t{2})}, {"/C", Value(int64_t{2})}, {"/Process/PV/V", Value(int64_t{2})}},
      kNow);
  EXPECT_THAT(Read("/A"), ElementsAre("/A=2"));
  EXPECT_THAT(Read("/B"), ElementsAre("/B=1"));
  EXPECT_THAT(Read("/C"), ElementsAre(HasSubstr("nothing has the path")));
  EXPECT_THAT(Read("/Process/PV"), ElementsAre("/Process/PV/V=1"));
}

TEST_F(ProcessImageTest, ANewSetOfSystemValuesReplacesTheFormer) {
  image_.ConfigureSystem({{"/A", Value(int64_t{1})}, {"/B", Value(int64_t{1})}}, kNow);
  image_.ConfigureSystem({{"/B", Value(int64_t{2})}}, kNow);
  EXPECT_THAT(Read("/A"), ElementsAre(HasSubstr("nothing has the path")));
  EXPECT_THAT(Read("/B"), ElementsAre("/B=2"));
}

TEST_F(ProcessImageTest, TheLogsValuesStandBetweenTheProgramAndTheMainboard) {
  image_.ConfigureSystem({{"/Process/MB/CPULoad", Value()}}, kNow);
  image_.ConfigureLogs({{"/Process/Log/A/Records", Value(uint64_t{1})}}, kNow);
  EXPECT_THAT(Read("/Process"), ElementsAre("/Process/Program/Mode=Run", "/Process/Log/A/Records=1",
                                            "/Process/MB/CPULoad="));
  image_.PutLogs(
      {{"/Process/Log/A/Records", Value(uint64_t{2})}, {"/Process/MB/CPULoad", Value(uint64_t{2})}},
      kNow);
  EXPECT_THAT(Read("/Process/Log"), ElementsAre("/Process/Log/A/Records=2"));
  EXPECT_THAT(Read("/Process/MB"), ElementsAre("/Process/MB/CPULoad="));
  EXPECT_EQ(image_.Locate("/Process/Log/A/Records")->kind, ProcessImage::Location::Kind::kReadOnly);
}

TEST_F(ProcessImageTest, ANewBusTakesThePathsOfAReport) {
  const auto report = image_.OpenReport();
  ASSERT_TRUE(report->Update({}, {{"/Process/B/X", "1"}}, kNow).ok());
  image_.ConfigureDevices({Device("/Process/B/D", {})}, kNow);
  EXPECT_THAT(Read("/Process/B"),
              ElementsAre("/Process/B/D/DeviceState=0", "/Process/B/D/ChangeToggle=0"));
}

}  // namespace
}  // namespace fieldgate::process_data
