// CS-20 to CS-29: what PROCCFG may hold.
#include "services/config_store/validation/acquisition.h"

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
  v1::Acquisition acquisition;
  std::vector<std::string> problems;
};

Result Read(absl::string_view elements) {
  const tixml::Node database = Database("PROCCFG", elements);
  Problems problems;
  Result result;
  result.acquisition = ReadAcquisition(&database, problems);
  result.problems = Lines(problems);
  return result;
}

// One Modbus device with these attributes and points.
Result ReadDevice(absl::string_view attributes, absl::string_view points = "") {
  return Read(absl::StrCat("<External><Bus1 protocol=\"ModbusTCP\"><Device1 ", attributes, ">",
                           points, "</Device1></Bus1></External>"));
}

Result ReadPoint(absl::string_view attributes, absl::string_view device = "") {
  return ReadDevice(absl::StrCat("address=\"h\" ", device),
                    absl::StrCat("<DP1 ", attributes, "/>"));
}

const v1::BusPoint& PointOf(const Result& result) {
  return result.acquisition.buses(0).devices(0).points(0);
}

constexpr absl::string_view kDevice = "/PROCCFG/External/Bus1/Device1";

TEST(AcquisitionTest, TheExampleOfTheProtocolIsReadAsItSays) {
  const Result result = Read(R"(<External>
    <Bus1 protocol="ModbusTCP">
      <Device1 address="127.0.0.1:1502" unit="1" poll="1000" timeout="500">
        <DP1 register="holding" offset="100" type="uint16" byteorder="ABCD" scale="0.1" access="rw"/>
        <DP2 register="input" offset="7" type="float32"/>
        <DP3 register="coil" offset="3"/>
      </Device1>
    </Bus1>
  </External>
  <ProcessVars>
    <ProcVar1 value="23.5"/>
  </ProcessVars>)");
  EXPECT_THAT(result.problems, IsEmpty());
  const v1::BusDevice& device = result.acquisition.buses(0).devices(0);
  EXPECT_EQ(device.host(), "127.0.0.1");
  EXPECT_EQ(device.port(), 1502u);
  EXPECT_EQ(device.poll_ms(), 1000u);
  EXPECT_EQ(device.timeout_ms(), 500u);
  ASSERT_EQ(device.points_size(), 3);
  EXPECT_EQ(device.points(0).register_(), v1::BusPoint::HOLDING);
  EXPECT_EQ(device.points(0).scale(), 0.1);
  EXPECT_TRUE(device.points(0).writable());
  EXPECT_EQ(device.points(1).type(), v1::BusPoint::FLOAT32);
  EXPECT_EQ(device.points(2).type(), v1::BusPoint::BOOL) << "a coil is a bool by default";
  EXPECT_EQ(result.acquisition.process_variables(0).name(), "ProcVar1");
  EXPECT_EQ(result.acquisition.process_variables(0).initial_value(), "23.5");
}

TEST(AcquisitionTest, DefaultsAreFilledIn) {
  const Result result = ReadPoint("register=\"input\" offset=\"0\" type=\"int16\"");
  EXPECT_THAT(result.problems, IsEmpty());
  const v1::BusDevice& device = result.acquisition.buses(0).devices(0);
  EXPECT_EQ(device.port(), 502u);
  EXPECT_EQ(device.unit(), 1u);
  EXPECT_EQ(device.poll_ms(), 1'000u);
  EXPECT_EQ(device.timeout_ms(), 1'000u);
  EXPECT_EQ(device.retries(), 1u);
  EXPECT_EQ(device.max_backoff_ms(), 60'000u);
  EXPECT_EQ(device.max_registers(), 125u);
  EXPECT_EQ(device.max_hole(), 8u);
  EXPECT_EQ(PointOf(result).byte_order(), v1::BusPoint::ABCD);
  EXPECT_EQ(PointOf(result).scale(), 1);
  EXPECT_EQ(PointOf(result).value_offset(), 0);
  EXPECT_FALSE(PointOf(result).has_bit());
  EXPECT_FALSE(PointOf(result).writable());
}

TEST(AcquisitionTest, ASimulatedDeviceNeedsNoAddressAndItsPointsOnlyAName) {
  const Result result = Read(
      "<External><Sim protocol=\"simulated\"><D><Wave/><On type=\"bool\"/></D></Sim></External>");
  EXPECT_THAT(result.problems, IsEmpty());
  const v1::Bus& bus = result.acquisition.buses(0);
  EXPECT_EQ(bus.protocol(), v1::Bus::SIMULATED);
  EXPECT_EQ(bus.devices(0).points(0).type(), v1::BusPoint::FLOAT64);
  EXPECT_EQ(bus.devices(0).points(1).type(), v1::BusPoint::BOOL);
}

TEST(AcquisitionTest, ABusNeedsAProtocolThatExists) {
  EXPECT_THAT(Read("<External>\n<B/>\n<C protocol=\"MBus\"/></External>").problems,
              ElementsAre("error 2 /PROCCFG/External/B: protocol is missing; write "
                          "protocol=\"ModbusTCP\" or protocol=\"Simulated\"",
                          "error 3 /PROCCFG/External/C/@protocol: 'MBus' is not known here; write "
                          "one of ModbusTCP, Simulated"));
}

TEST(AcquisitionTest, ABusMustNotBeNamedAsABranchOfTheSystem) {
  for (const char* name :
       {"PV", "Program", "MB", "CloudConn", "CloudConn2", "CloudConn3", "VPN", "OneWire", "SysIO",
        "HTTPConn", "IBMConn", "GNSS", "ETHPollActive", "Events"}) {
    EXPECT_THAT(
        Read(absl::StrCat("<External><", name, " protocol=\"Simulated\"/></External>")).problems,
        ElementsAre(absl::StrCat("error 1 /PROCCFG/External/", name, ": /Process/", name,
                                 " belongs to the system; give the bus another name")));
  }
}

TEST(AcquisitionTest, NamesAreUniqueAmongBusesDevicesPointsAndVariables) {
  const std::string point = "<P/>";
  const std::string device = absl::StrCat("<D>", point, point, "</D>");
  const std::string bus = absl::StrCat("<B protocol=\"Simulated\">", device, "<D/></B>");
  EXPECT_THAT(
      Read(absl::StrCat("<External>", bus, "<B protocol=\"Simulated\"/></External>",
                        "<ProcessVars><V/><V/></ProcessVars>"))
          .problems,
      ElementsAre("error 1 /PROCCFG/External/B/D/P: the name P is given twice; rename one of them",
                  "error 1 /PROCCFG/External/B/D: the name D is given twice; rename one of them",
                  "error 1 /PROCCFG/External/B: the name B is given twice; rename one of them",
                  "error 1 /PROCCFG/ProcessVars/V: the name V is given twice; rename one of them"));
}

TEST(AcquisitionTest, ANameMustBeFitForAPath) {
  EXPECT_THAT(
      Read("<ProcessVars><W\xc3\xa4rme/></ProcessVars>").problems,
      ElementsAre("error 1 /PROCCFG/ProcessVars/W\xc3\xa4rme: 'W\xc3\xa4rme' can't be part of a "
                  "path; write a name of at most 128 of the characters A-Z a-z 0-9 _ . : -"));
}

TEST(AcquisitionTest, AModbusDeviceNeedsAnAddress) {
  EXPECT_THAT(ReadDevice("").problems,
              ElementsAre(absl::StrCat("error 1 ", kDevice,
                                       ": address is missing; write address=\"192.168.0.10:502\", "
                                       "the device's host and port")));
}

TEST(AcquisitionTest, AnAddressMayBeIpv6InBrackets) {
  const Result result = ReadDevice("address=\"[fe80::1]:503\"");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(result.acquisition.buses(0).devices(0).host(), "fe80::1");
  EXPECT_EQ(result.acquisition.buses(0).devices(0).port(), 503u);
}

TEST(AcquisitionTest, AWrongAddressIsNamedWithItsRemedy) {
  EXPECT_THAT(
      ReadDevice("address=\"10.0.0.1:70000\"").problems,
      ElementsAre(absl::StrCat(
          "error 1 ", kDevice,
          "/@address: '10.0.0.1:70000' is no address: the port is not a number from 1 to 65535; "
          "write HOST or HOST:PORT, such as 192.168.0.10:502 or [fe80::1]:502")));
}

TEST(AcquisitionTest, EachNumberOfADeviceHasItsRange) {
  struct Case {
    const char* attribute;
    int64_t min;
    int64_t max;
  };
  for (const Case& c :
       {Case{"unit", 0, 255}, Case{"poll", 10, 86'400'000}, Case{"timeout", 10, 60'000},
        Case{"retries", 0, 10}, Case{"backoffmax", 100, 3'600'000}, Case{"maxregisters", 1, 125},
        Case{"maxhole", 0, 124}}) {
    SCOPED_TRACE(c.attribute);
    for (const int64_t good : {c.min, c.max}) {
      EXPECT_THAT(
          ReadDevice(absl::StrCat("address=\"h\" ", c.attribute, "=\"", good, "\"")).problems,
          IsEmpty());
    }
    for (const int64_t bad : {c.min - 1, c.max + 1}) {
      EXPECT_THAT(
          ReadDevice(absl::StrCat("address=\"h\" ", c.attribute, "=\"", bad, "\"")).problems,
          ElementsAre(absl::StrCat("error 1 ", kDevice, "/@", c.attribute, ": '", bad,
                                   "' is out of range; write a number from ", c.min, " to ",
                                   c.max)));
    }
  }
}

TEST(AcquisitionTest, AModbusPointNeedsRegisterOffsetAndType) {
  EXPECT_THAT(ReadPoint("").problems,
              ElementsAre(HasSubstr("DP1: register is missing; write register=\"holding\""),
                          HasSubstr("DP1: offset is missing"), HasSubstr("DP1: type is missing")));
}

TEST(AcquisitionTest, AWrongRegisterTypeByteOrderOrAccessListsTheRightOnes) {
  EXPECT_THAT(
      ReadPoint("register=\"hold\" offset=\"0\" type=\"float\" byteorder=\"AB\" access=\"w\"")
          .problems,
      ElementsAre(
          HasSubstr("/@register: 'hold' is not known here; write one of holding, input, coil, "
                    "discrete"),
          HasSubstr("/@type: 'float' is not known here; write one of bool, uint16, int16, uint32, "
                    "int32, uint64, int64, float32, float64, string"),
          HasSubstr("/@byteorder: 'AB' is not known here; write one of ABCD, CDAB, BADC, DCBA"),
          HasSubstr("/@access: 'w' is not known here; write one of r, rw")));
}

TEST(AcquisitionTest, AnInputRegisterIsNotWritable) {
  for (const char* reg : {"input", "discrete"}) {
    EXPECT_THAT(
        ReadPoint(absl::StrCat("register=\"", reg, "\" offset=\"0\" type=\"bool\" access=\"rw\""))
            .problems,
        ElementsAre(HasSubstr("/@access: 'rw' is not possible: input registers and "
                              "discrete inputs are read-only; write access=\"r\"")));
  }
}

TEST(AcquisitionTest, ACoilIsABoolAndHasNoBit) {
  EXPECT_THAT(
      ReadPoint("register=\"coil\" offset=\"0\" type=\"uint16\" bit=\"1\"").problems,
      ElementsAre(HasSubstr("/@type: 'uint16' does not fit a coil or discrete input; write "
                            "type=\"bool\", or leave it out"),
                  HasSubstr("/@bit: a coil or discrete input is a bit by itself; remove it")));
}

TEST(AcquisitionTest, ABitOfARegisterIsABool) {
  const Result good = ReadPoint("register=\"holding\" offset=\"0\" bit=\"15\"");
  EXPECT_THAT(good.problems, IsEmpty());
  EXPECT_EQ(PointOf(good).type(), v1::BusPoint::BOOL);
  EXPECT_EQ(PointOf(good).bit(), 15u);
  EXPECT_THAT(ReadPoint("register=\"holding\" offset=\"0\" bit=\"16\" type=\"bool\"").problems,
              ElementsAre(HasSubstr("/@bit: '16' is out of range; write a number from 0 to 15")));
  EXPECT_THAT(ReadPoint("register=\"holding\" offset=\"0\" bit=\"1\" type=\"int16\"").problems,
              ElementsAre(HasSubstr("/@bit: a single bit has the type bool")));
}

TEST(AcquisitionTest, AStringNeedsALengthUpTo250) {
  EXPECT_THAT(ReadPoint("register=\"input\" offset=\"0\" type=\"string\"").problems,
              ElementsAre(HasSubstr("DP1: length is missing; write length=\"16\"")));
  EXPECT_THAT(
      ReadPoint("register=\"input\" offset=\"0\" type=\"string\" length=\"251\"").problems,
      ElementsAre(HasSubstr("/@length: '251' is out of range; write a number from 1 to 250")));
}

TEST(AcquisitionTest, ScaleIsANumberButNotZero) {
  EXPECT_THAT(ReadPoint("register=\"input\" offset=\"0\" type=\"int16\" scale=\"0\"").problems,
              ElementsAre(HasSubstr("/@scale: '0' makes every value the same; write a number that "
                                    "is not 0")));
  EXPECT_THAT(ReadPoint("register=\"input\" offset=\"0\" type=\"int16\" scale=\"0,1\"").problems,
              ElementsAre(HasSubstr("/@scale: '0,1' is not a number; write a number such as 0.1, "
                                    "with a decimal point")));
  EXPECT_THAT(ReadPoint("register=\"input\" offset=\"0\" type=\"int16\" add=\"inf\"").problems,
              ElementsAre(HasSubstr("/@add: 'inf' is not a number")));
}

TEST(AcquisitionTest, ScaleOfABoolIsAWarning) {
  const Result result = ReadPoint("register=\"coil\" offset=\"0\" scale=\"2\"");
  EXPECT_THAT(result.problems,
              ElementsAre("warning 1 /PROCCFG/External/Bus1/Device1/DP1/@scale: it has no effect "
                          "on a bool or string; remove it"));
}

TEST(AcquisitionTest, APointEndsWithinTheAddressSpace) {
  EXPECT_THAT(ReadPoint("register=\"input\" offset=\"65534\" type=\"float32\"").problems,
              IsEmpty());
  EXPECT_THAT(ReadPoint("register=\"input\" offset=\"65535\" type=\"float32\"").problems,
              ElementsAre(HasSubstr("/@offset: from '65535' its 2 registers go beyond the last "
                                    "address, 65535; write an offset of at most 65534")));
  EXPECT_THAT(ReadPoint("register=\"coil\" offset=\"65536\"").problems,
              ElementsAre(HasSubstr("/@offset: '65536' is out of range")));
}

TEST(AcquisitionTest, APointFitsIntoOneRequestOfItsDevice) {
  EXPECT_THAT(
      ReadPoint("register=\"input\" offset=\"0\" type=\"float64\"", "maxregisters=\"3\"").problems,
      ElementsAre(HasSubstr("/@type: it takes 4 registers, but the device's maxregisters "
                            "is '3'; raise maxregisters, or shorten the point")));
}

TEST(AcquisitionTest, NamesOfADevicesOwnValuesAreTaken) {
  EXPECT_THAT(Read("<External><B protocol=\"Simulated\"><D><DeviceState/><ChangeToggle/></D></B>"
                   "</External>")
                  .problems,
              ElementsAre(HasSubstr("DeviceState: each device has a DeviceState of its own"),
                          HasSubstr("ChangeToggle: each device has a ChangeToggle of its own")));
}

TEST(AcquisitionTest, AnUnknownAttributeIsAWarningWithTheNearestKnownOne) {
  EXPECT_THAT(ReadDevice("address=\"h\" timeuot=\"500\"").problems,
              ElementsAre(absl::StrCat("warning 1 ", kDevice,
                                       "/@timeuot: 'timeuot' is not known here and has no effect; "
                                       "did you mean timeout?")));
}

TEST(AcquisitionTest, OtherPartsOfTheDatabaseAreLeftAlone) {
  EXPECT_THAT(Read("<Scheduler><X/></Scheduler>").problems, IsEmpty());
  EXPECT_THAT(Read("<Externl/>").problems,
              ElementsAre("warning 1 /PROCCFG/Externl: 'Externl' is not known and has no effect; "
                          "did you mean External?"));
}

TEST(AcquisitionTest, AllProblemsComeTogetherAndOnlyTheBadPointIsLeftOut) {
  const Result result = ReadDevice("address=\"h\"",
                                   "<A register=\"coil\" offset=\"x\"/>\n"
                                   "<B register=\"coil\" offset=\"1\"/>\n"
                                   "<C register=\"coil\" offset=\"-1\"/>");
  EXPECT_THAT(result.problems,
              ElementsAre(HasSubstr("error 1 /PROCCFG/External/Bus1/Device1/A/@offset: 'x' is not "
                                    "a whole number"),
                          HasSubstr("error 3 /PROCCFG/External/Bus1/Device1/C/@offset: '-1' is out "
                                    "of range")));
  const v1::BusDevice& device = result.acquisition.buses(0).devices(0);
  ASSERT_EQ(device.points_size(), 1);
  EXPECT_EQ(device.points(0).name(), "B");
}

}  // namespace
}  // namespace fieldgate::config_store
