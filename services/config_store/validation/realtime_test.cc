// CS-60 to CS-79: the realtime sections of a connector.
#include "services/config_store/validation/realtime.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config_store/validation/test_support.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::string_view kNoFurther = "with at most three decimals";

struct Result {
  v1::Connector connector;
  std::vector<std::string> problems;
  std::vector<std::string> unknown_paths;
};

v1::Acquisition Field() {
  v1::Acquisition acquisition;
  v1::Bus& bus = *acquisition.add_buses();
  bus.set_name("Bus1");
  bus.add_devices()->set_name("D1");
  bus.mutable_devices(0)->add_points()->set_name("P1");
  acquisition.add_process_variables()->set_name("Level");
  return acquisition;
}

Result Read(absl::string_view settings, bool virtual_devices = false) {
  tixml::Node element = Database("CloudConn", settings);
  Problems problems;
  Problems unknown_paths;
  Result result;
  result.connector.set_virtual_devices(virtual_devices);
  Fields fields(Fields::Of::kChildren, element, {"/ISP/CloudConn", 0}, problems);
  Sensors sensors;
  ReadRealtimeSections(fields, Origins(Field()), result.connector, sensors, problems,
                       unknown_paths);
  result.problems = Lines(problems);
  result.unknown_paths = Lines(unknown_paths);
  return result;
}

// One section with one data point of these attributes.
Result ReadPoint(absl::string_view attributes, bool virtual_devices = false) {
  return Read(absl::StrCat("<Realtime1><A ", attributes, "/></Realtime1>"), virtual_devices);
}

const v1::DataPoint& PointOf(const Result& result) {
  return result.connector.sections(0).points(0);
}

TEST(RealtimeTest, ASectionWithoutSendTimeIsSentEvery3Seconds) {
  const Result result = Read("<Realtime1/>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(result.connector.sections(0).number(), 1);
  EXPECT_EQ(result.connector.sections(0).send_period_ms(), 3'000u);
}

TEST(RealtimeTest, SendTimesAreTakenInMilliseconds) {
  const Result result = Read(
      "<RTsendTime1 _=\"0.01\"/><RealTime1/><RTSendTime2 _=\"2.5\"/><Realtime2/>"
      "<RTSendTime5 _=\"1073741824\"/><Realtime5/>");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.connector.sections_size(), 3);
  EXPECT_EQ(result.connector.sections(0).send_period_ms(), 10u);
  EXPECT_EQ(result.connector.sections(1).send_period_ms(), 2'500u);
  EXPECT_EQ(result.connector.sections(2).number(), 5);
  EXPECT_EQ(result.connector.sections(2).send_period_ms(), 1'073'741'824'000u);
}

TEST(RealtimeTest, AWrongSendTimeIsNamedWithTheRange) {
  for (const char* bad : {"abc", "-2", "1e3", "1.2345"}) {
    EXPECT_THAT(Read(absl::StrCat("\n<RTSendTime1 _=\"", bad, "\"/><Realtime1/>")).problems,
                ElementsAre(absl::StrCat(
                    "error 2 /ISP/CloudConn/RTSendTime1: '", bad,
                    "' is not a number of seconds; write a number from 0.01 to 1073741824, ",
                    kNoFurther, ", or -1 to send what changes")));
  }
  for (const char* bad : {"0", "0.009", "1073741825"}) {
    EXPECT_THAT(Read(absl::StrCat("<RTSendTime1 _=\"", bad, "\"/><Realtime1/>")).problems,
                ElementsAre(HasSubstr(absl::StrCat("'", bad, "' is out of range"))));
  }
}

TEST(RealtimeTest, HysteresisChecksAtTheUpdateRate) {
  for (const auto& [rate, ms] : {std::pair("0", 0u), std::pair("0.01", 10u),
                                 std::pair("20", 20'000u), std::pair("3600", 3'600'000u)}) {
    const Result result =
        Read(absl::StrCat("<RTSendTime3 _=\"-1\"/><UpdateRate3 _=\"", rate, "\"/><Realtime3/>"));
    EXPECT_THAT(result.problems, IsEmpty());
    ASSERT_TRUE(result.connector.sections(0).has_update_period_ms());
    EXPECT_EQ(result.connector.sections(0).update_period_ms(), ms);
  }
}

TEST(RealtimeTest, AWrongUpdateRateIsNamedWithTheRange) {
  for (const char* bad : {"3601", "0.001"}) {
    EXPECT_THAT(
        Read(absl::StrCat("<RTSendTime1 _=\"-1\"/><UpdateRate1 _=\"", bad, "\"/><Realtime1/>"))
            .problems,
        ElementsAre(absl::StrCat("error 1 /ISP/CloudConn/UpdateRate1: '", bad,
                                 "' is out of range; write a number from 0.01 to 3600, ",
                                 kNoFurther, ", or 0 to check each value as it comes")));
  }
}

TEST(RealtimeTest, AMissingUpdateRateIs1SecondWithAWarning) {
  const Result result = Read("<RTSendTime1 _=\"-1\"/><Realtime1/>");
  EXPECT_EQ(result.connector.sections(0).update_period_ms(), 1'000u);
  EXPECT_THAT(result.problems,
              ElementsAre("warning 1 /ISP/CloudConn/RTSendTime1: UpdateRate1 is missing; 1 s is "
                          "used; write <UpdateRate1 _=\"1\"/>"));
}

TEST(RealtimeTest, AnUpdateRateWithoutHysteresisIsAWarning) {
  EXPECT_THAT(Read("<UpdateRate1 _=\"1\"/><Realtime1/>").problems,
              ElementsAre("warning 1 /ISP/CloudConn/UpdateRate1: UpdateRate1 has no effect without "
                          "RTSendTime1 -1; write <RTSendTime1 _=\"-1\"/>, or remove it"));
}

TEST(RealtimeTest, ASendTimeWithoutItsSectionIsAWarning) {
  EXPECT_THAT(Read("<RTSendTime2 _=\"1\"/>").problems,
              ElementsAre("warning 1 /ISP/CloudConn/RTSendTime2: it has no effect without the "
                          "section Realtime2; add <Realtime2>, or remove it"));
}

TEST(RealtimeTest, ThereAreFiveSections) {
  EXPECT_THAT(Read("<Realtime6/>\n<RTSendTime0 _=\"1\"/>\n<UpdateRate12 _=\"1\"/>").problems,
              ElementsAre("error 1 /ISP/CloudConn/Realtime6: there is no realtime section 6; use "
                          "the sections 1 to 5",
                          "error 2 /ISP/CloudConn/RTSendTime0: there is no realtime section 0; use "
                          "the sections 1 to 5",
                          "error 3 /ISP/CloudConn/UpdateRate12: there is no realtime section 12; "
                          "use the sections 1 to 5"));
}

TEST(RealtimeTest, ADataPointNeedsThePathOfAValue) {
  EXPECT_THAT(ReadPoint("meta_type=\"custom\"").problems,
              ElementsAre("error 1 /ISP/CloudConn/Realtime1/A: _ is missing; write <A "
                          "_=\"/Process/...\"/>"));
  EXPECT_THAT(ReadPoint("_=\"Process/PV/Level\" meta_type=\"custom\"").problems,
              ElementsAre("error 1 /ISP/CloudConn/Realtime1/A/@_: 'Process/PV/Level' does not "
                          "start with '/'; write /Process/PV/Level"));
  for (const char* bad : {"/", "/Process//Level", "/Process/PV/"}) {
    EXPECT_THAT(ReadPoint(absl::StrCat("_=\"", bad, "\" meta_type=\"custom\"")).problems,
                ElementsAre(HasSubstr(absl::StrCat("'", bad, "' has an empty level"))));
  }
}

TEST(RealtimeTest, DataPointsOfASectionHaveDifferentNames) {
  EXPECT_THAT(Read("<Realtime1><A _=\"/a\" meta_type=\"custom\"/>\n"
                   "<A _=\"/b\" meta_type=\"custom\"/></Realtime1>")
                  .problems,
              ElementsAre("error 2 /ISP/CloudConn/Realtime1/A: the section has two data points "
                          "named A; rename one of them"));
}

TEST(RealtimeTest, HysteresisHasAtMostTwoDecimalsAndNoSign) {
  EXPECT_EQ(PointOf(ReadPoint("_=\"/a\" meta_type=\"x\" hysteresis=\"8.25\"")).hysteresis(), 8.25);
  for (const char* bad : {"-1", "0,5", "0.123", "1e1", ".5", "x"}) {
    EXPECT_THAT(
        ReadPoint(absl::StrCat("_=\"/a\" meta_type=\"x\" hysteresis=\"", bad, "\"")).problems,
        ElementsAre(absl::StrCat(
            "error 1 /ISP/CloudConn/Realtime1/A/@hysteresis: '", bad,
            "' is no hysteresis; write a number that is not negative, with '.' and at most two "
            "decimals, such as 0.25")));
  }
}

TEST(RealtimeTest, MetadataKeepTheirOrderAndSetpointIsSentAsSetPoint) {
  const Result result = ReadPoint(
      "_=\"/a\" meta_unit=\"%\" meta_setpoint=\"30\" meta_type=\"humidity\" meta_virtual=\"true\" "
      "meta_receive_signal=\"20\" meta_signal_frequency=\"300\" meta_custom_fields=\"a=b;c=\" "
      "meta_own=\"z\"");
  EXPECT_THAT(result.problems, IsEmpty());
  std::vector<std::string> metadata;
  for (const auto& m : PointOf(result).metadata()) metadata.push_back(m.name() + "=" + m.value());
  EXPECT_THAT(metadata, ElementsAre("unit=%", "set_point=30", "type=humidity", "virtual=true",
                                    "receive_signal=20", "signal_frequency=300",
                                    "custom_fields=a=b;c=", "own=z"));
}

TEST(RealtimeTest, AMissingTypeIsCustomWithAWarning) {
  const Result result = ReadPoint("_=\"/a\" meta_unit=\"V\"");
  EXPECT_THAT(result.problems,
              ElementsAre(HasSubstr("warning 1 /ISP/CloudConn/Realtime1/A: meta_type is missing; "
                                    "custom is sent; write meta_type=")));
  ASSERT_EQ(PointOf(result).metadata_size(), 2);
  EXPECT_EQ(PointOf(result).metadata(0).name(), "type");
  EXPECT_EQ(PointOf(result).metadata(0).value(), "custom");
  EXPECT_EQ(PointOf(result).metadata(1).name(), "unit");
}

TEST(RealtimeTest, MetadataOfAKnownFormAreChecked) {
  const std::string start = "_=\"/a\" meta_type=\"x\" ";
  EXPECT_THAT(ReadPoint(start + "meta_virtual=\"1\"").problems,
              ElementsAre(HasSubstr("/@meta_virtual: '1' is neither true nor false; write true")));
  EXPECT_THAT(ReadPoint(start + "meta_signal_frequency=\"often\"").problems,
              ElementsAre(HasSubstr("/@meta_signal_frequency: 'often' is not a number of seconds; "
                                    "write a number such as 300")));
  EXPECT_THAT(ReadPoint(start + "meta_custom_fields=\"plant\"").problems,
              ElementsAre(HasSubstr("/@meta_custom_fields: 'plant' is no list of fields; write "
                                    "key=value;key=value")));
  EXPECT_THAT(ReadPoint(start + "meta_virtual_device=\"Heating 1\"").problems,
              ElementsAre(HasSubstr("/@meta_virtual_device: 'Heating 1' is no name of a virtual "
                                    "device; write ASCII characters without spaces")));
}

TEST(RealtimeTest, OneThingGivenAsTwoMetadataIsAnError) {
  EXPECT_THAT(
      ReadPoint("_=\"/a\" meta_type=\"x\" meta_setpoint=\"1\" meta_set_point=\"2\"").problems,
      ElementsAre(HasSubstr("/@meta_set_point: set_point is given twice; remove one of them")));
}

TEST(RealtimeTest, WithVirtualDevicesEveryPointNamesIts) {
  EXPECT_THAT(
      ReadPoint("_=\"/a\" meta_type=\"x\"", /*virtual_devices=*/true).problems,
      ElementsAre("error 1 /ISP/CloudConn/Realtime1/A: meta_virtual_device is missing, which "
                  "virtual_devices=1 requires; write meta_virtual_device=\"NAME\" at every data "
                  "point, or set virtual_devices to 0"));
  EXPECT_THAT(ReadPoint("_=\"/a\" meta_type=\"x\" meta_virtual_device=\"H\"", true).problems,
              IsEmpty());
}

TEST(RealtimeTest, AGpsPointHasASecondPath) {
  const Result lng = ReadPoint("_=\"/GNSS/Latitude\" lng=\"/GNSS/Longitude\" meta_type=\"gps\"");
  EXPECT_THAT(lng.problems, IsEmpty());
  EXPECT_EQ(PointOf(lng).second_path(), "/GNSS/Longitude");
  EXPECT_TRUE(PointOf(lng).second_is_longitude());
  const Result lat = ReadPoint("_=\"/GNSS/Longitude\" lat=\"/GNSS/Latitude\" meta_type=\"gps\"");
  EXPECT_THAT(lat.problems, IsEmpty());
  EXPECT_FALSE(PointOf(lat).second_is_longitude());

  EXPECT_THAT(ReadPoint("_=\"/GNSS/Latitude\" meta_type=\"gps\"").problems,
              ElementsAre(HasSubstr("the type gps needs a second path, lng or lat; write <GNSS")));
  EXPECT_THAT(ReadPoint("_=\"/a\" lng=\"/b\" lat=\"/c\" meta_type=\"gps\"").problems,
              ElementsAre(HasSubstr("the type gps has both lng and lat")));
  EXPECT_THAT(ReadPoint("_=\"/GNSS/Latitude\" lng=\"x\" meta_type=\"gps\"").problems,
              ElementsAre(HasSubstr("/@lng: 'x' does not start with '/'")));
}

TEST(RealtimeTest, ASecondPathOfAnotherTypeIsAWarning) {
  EXPECT_THAT(ReadPoint("_=\"/a\" lng=\"/b\" meta_type=\"custom\"").problems,
              ElementsAre("warning 1 /ISP/CloudConn/Realtime1/A/@lng: a second path has no effect "
                          "without meta_type=\"gps\"; write meta_type=\"gps\", or remove it"));
}

TEST(RealtimeTest, AnUnknownAttributeIsAWarningWithTheNearestKnownOne) {
  EXPECT_THAT(ReadPoint("_=\"/a\" meta_type=\"x\" hysterese=\"1\"").problems,
              ElementsAre(HasSubstr("/@hysterese: 'hysterese' is not known here and has no effect; "
                                    "did you mean hysteresis?")));
}

TEST(RealtimeTest, OriginsFollowFromTheFieldAndUnknownPathsAreWarnings) {
  struct Case {
    const char* path;
    v1::DataPoint::Origin origin;
  };
  for (const Case& c :
       {Case{"/Process/Bus1/D1/P1", v1::DataPoint::BUS},
        Case{"/Process/Bus1/D1/DeviceState", v1::DataPoint::OTHER},
        Case{"/Process/Bus1/D1/ChangeToggle", v1::DataPoint::OTHER},
        Case{"/Process/PV/Level", v1::DataPoint::OTHER},
        Case{"/Process/CloudConn2/ConnectionState", v1::DataPoint::OTHER},
        Case{"/Process/Program/Mode", v1::DataPoint::OTHER},
        Case{"/Process/MB/IO/I/P0", v1::DataPoint::OTHER},
        Case{"/Process/C540/Q/P0", v1::DataPoint::OTHER},
        Case{"/Process/C03e/Counter/P0", v1::DataPoint::OTHER},
        Case{"/SerialNo", v1::DataPoint::OTHER}, Case{"/GSM/State", v1::DataPoint::OTHER},
        Case{"/GprsLinkState", v1::DataPoint::OTHER},
        Case{"/Hardware/Modules/C218", v1::DataPoint::OTHER},
        Case{"/GNSS/Latitude", v1::DataPoint::OTHER}}) {
    const Result result = ReadPoint(absl::StrCat("_=\"", c.path, "\" meta_type=\"custom\""));
    EXPECT_EQ(PointOf(result).origin(), c.origin) << c.path;
    EXPECT_THAT(result.unknown_paths, IsEmpty()) << c.path;
  }
  for (const char* path : {"/Process/Bus1/D1/P2", "/Process/Bus1/D1", "/Process/PV/Lvel",
                           "/Process/PV", "/Process/Bus9/D1/P1", "/Process", "/Process/CXYZ/Q",
                           "/SerialNumber", "/GSM", "/Ethernet/IP"}) {
    const Result result = ReadPoint(absl::StrCat("_=\"", path, "\" meta_type=\"custom\""));
    EXPECT_EQ(PointOf(result).origin(), v1::DataPoint::UNKNOWN) << path;
    EXPECT_THAT(result.problems, IsEmpty());
    EXPECT_THAT(
        result.unknown_paths,
        ElementsAre(absl::StrCat(
            "warning 1 /ISP/CloudConn/Realtime1/A: nothing gives the value '", path,
            "'; it is sent as invalid; mend the path, or configure the bus point or process "
            "variable in PROCCFG")));
  }
}

TEST(RealtimeTest, OneValueMayBeInTwoSectionsButNotTwiceInOne) {
  EXPECT_THAT(Read("<Realtime1><A _=\"/a/x\" meta_type=\"custom\"/></Realtime1>"
                   "<Realtime2><A _=\"/a/x\" meta_type=\"custom\"/></Realtime2>")
                  .problems,
              IsEmpty());
  EXPECT_THAT(Read("<Realtime1><A _=\"/a/x\" meta_type=\"custom\"/>\n"
                   "<B _=\"/a/x\" meta_type=\"custom\"/></Realtime1>")
                  .problems,
              ElementsAre("error 2 /ISP/CloudConn/Realtime1/B: '/a/x' is sent as sensor x of "
                          "controller a, and so is '/a/x' of /ISP/CloudConn/Realtime1/A; remove "
                          "one of them"));
}

TEST(RealtimeTest, TwoPathsMustNotBecomeOneSensor) {
  EXPECT_THAT(Read("<Realtime1><A _=\"/a/b/x y\" meta_type=\"custom\"/></Realtime1>\n"
                   "<Realtime2><B _=\"/a_b/x_y\" meta_type=\"custom\"/></Realtime2>")
                  .problems,
              ElementsAre("error 2 /ISP/CloudConn/Realtime2/B: '/a_b/x_y' is sent as sensor x_y of "
                          "controller a_b, and so is '/a/b/x y' of /ISP/CloudConn/Realtime1/A; "
                          "rename one of them"));
}

TEST(ControllerOfTest, IsAsInTables2_1And2_2) {
  EXPECT_EQ(ControllerOf("/Process/Bus1/Device0/Var0", false), "Process_Bus1_Device0");
  EXPECT_EQ(ControllerOf("/GSM/State", false), "GSM");
  EXPECT_EQ(ControllerOf("/SerialNo", false), "Get");
  EXPECT_EQ(ControllerOf("/GNSS/Fix/Latitude", true), "GNSS");
}

}  // namespace
}  // namespace fieldgate::config_store
