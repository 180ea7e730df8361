// Manual 7.1: positions, in both forms. Manual 2.3.1: time stamps in a zone of
// their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/system/data/data_gateway.h"

namespace fieldgate::system_test {
namespace {

constexpr char kPositions[] = R"(
  <ProcessVars>
    <Latitude value="5229.4129"/>
    <Longitude value="01323.6341"/>
    <Level value="1"/>
  </ProcessVars>)";

constexpr char kGpsSections[] = R"(
  <RTSendTime1 _="0.2"/>
  <Realtime1>
    <GNSS _="/GNSS/Latitude" lng="/GNSS/Longitude" meta_type="gps"/>
    <Place _="/Process/PV/Latitude" lng="/Process/PV/Longitude" meta_type="gps"/>
  </Realtime1>)";

TEST(GpsTest, BothValuesStandInEachMessageWithStateTwoEmptyWhereUnresolved) {
  DataGateway gateway;
  gateway.Configure(kPositions, {{"CloudConn", "two", "TiXML", "$url", kGpsSections},
                                 {"CloudConn2", "json", "JSON", "$url", kGpsSections},
                                 {"CloudConn3", "one", "XML", "$url",
                                  std::string("<GpsPayload _=\"lng\"/>") + kGpsSections}});
  gateway.Run();
  gateway.ExpectNewest(DataGateway::Topic("two"), Wire::kTiXml, DataBody(Wire::kTiXml, R"(
      <GNSS><sensors>
        <Longitude _="" state="2"/><Latitude _="" state="2"/>
      </sensors></GNSS>
      <Process><sensors>
        <Longitude _="01323.6341" state="2"/><Latitude _="5229.4129" state="2"/>
      </sensors></Process>)"));
  gateway.ExpectNewest(DataGateway::Topic("json"), Wire::kJson, DataBody(Wire::kJson, R"(
      {"external_controller_id": "GNSS", "sensors": [
        {"external_sensor_id": "Longitude", "value": "", "sensor_state": 2},
        {"external_sensor_id": "Latitude", "value": "", "sensor_state": 2}]},
      {"external_controller_id": "Process", "sensors": [
        {"external_sensor_id": "Longitude", "value": "01323.6341", "sensor_state": 2},
        {"external_sensor_id": "Latitude", "value": 5229.4129, "sensor_state": 2}]})"));
  gateway.ExpectNewest(DataGateway::Topic("one"), Wire::kXml, DataBody(Wire::kXml, R"(
      <GNSS><sensors><Latitude _="" lng="" state="2"/></sensors></GNSS>
      <Process><sensors><Latitude _="5229.4129" lng="01323.6341" state="2"/></sensors></Process>)"));
}

TEST(GpsTest, AChangeOfOneValueSendsBoth) {
  DataGateway gateway;
  gateway.Configure(kPositions, {{.content = R"(
      <RTSendTime1 _="-1"/>
      <UpdateRate1 _="0.05"/>
      <Realtime1>
        <Place _="/Process/PV/Longitude" lat="/Process/PV/Latitude" meta_type="gps"
               hysteresis="0.1"/>
        <Level _="/Process/PV/Level" meta_type="volume"/>
      </Realtime1>)"}});
  gateway.Run();
  const std::string topic = DataGateway::Topic("gw");
  gateway.ExpectNewest(topic, Wire::kTiXml, DataBody(Wire::kTiXml, R"(
      <Process><sensors><Longitude _="01323.6341" state="2"/><Latitude _="5229.4129" state="2"/>
      </sensors></Process>
      <Process_PV><sensors><Level _="1" state="2"/></sensors></Process_PV>)"));
  const size_t before = gateway.tap().Count(topic);
  gateway.SetVariable("Latitude", "5229.5");  // less than the hysteresis
  gateway.SetVariable("Latitude", "5230.25");
  gateway.ExpectNewest(topic, Wire::kTiXml, DataBody(Wire::kTiXml, R"(
      <Process><sensors><Longitude _="01323.6341" state="2"/><Latitude _="5230.25" state="2"/>
      </sensors></Process>)"));
  EXPECT_EQ(gateway.tap().Count(topic), before + 1);
}

// --- Time zone -----------------------------------------------------------------------

// A zoneinfo file (RFC 8536) of a zone with the rules of Central Europe since
// 1996, so that the test needs none of the machine's.
constexpr char kCentralEurope[] = "CET-1CEST,M3.5.0,M10.5.0/3";

std::string ZoneinfoDirectory(GatewayHarness& harness) {
  const auto big_endian = [](uint64_t value, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
    return out;
  };
  const auto header = [&](int transitions, int types, int characters) {
    std::string out = "TZif2" + std::string(15, '\0');
    for (const int count : {0, 0, 0, transitions, types, characters}) {
      out += big_endian(static_cast<uint64_t>(count), 4);
    }
    return out;
  };
  // From 1996-10-27 01:00 UTC on CET, and further by the rule at the end.
  const std::string types = big_endian(3600, 4) + std::string("\0\0", 2) + big_endian(7200, 4) +
                            std::string("\1\4", 2) + std::string("CET\0CEST\0", 9);
  const std::string file = header(0, 1, 4) + big_endian(3600, 4) + std::string("\0\0CET\0", 6) +
                           header(2, 2, 9) + big_endian(828'234'000, 8) +
                           big_endian(846'378'000, 8) + std::string("\1\0", 2) + types + "\n" +
                           kCentralEurope + "\n";
  std::filesystem::create_directories(harness.file("zoneinfo/Europe"));
  harness.WriteFile("zoneinfo/Europe/Berlin", file);
  return harness.file("zoneinfo");
}

// By the C library, from the rule itself.
int64_t BerlinOffset() {
  setenv("TZ", kCentralEurope, 1);
  tzset();
  const time_t now = time(nullptr);
  tm local{};
  localtime_r(&now, &local);
  return local.tm_gmtoff;
}

TEST(TimeZoneTest, TheTimeStampsOfAConnectorHaveItsZonesOffset) {
  const std::string dir = NewTempDir();
  DataGateway gateway({.env = {{"TZDIR", dir + "/zoneinfo"}}});
  std::filesystem::rename(ZoneinfoDirectory(gateway.harness()), dir + "/zoneinfo");
  constexpr char kSection[] = R"(
      <RTSendTime1 _="0.2"/>
      <Realtime1><Level _="/Process/PV/Level" meta_type="volume"/></Realtime1>)";
  gateway.Configure(kPositions, {{"CloudConn", "utc", "JSON", "$url", kSection},
                                 {"CloudConn2", "berlin", "JSON", "$url",
                                  std::string("<TimeZone _=\"Europe/Berlin\"/>") + kSection}});
  gateway.Run();
  const auto newest = [&](const std::string& id) {
    return StampOf(gateway.tap().On(DataGateway::Topic(id)).back().body).timestamp;
  };
  gateway.tap().Await(DataGateway::Topic("utc"), 2);
  gateway.tap().Await(DataGateway::Topic("berlin"), 2);
  const int64_t offset = BerlinOffset();
  EXPECT_TRUE(offset == 3600 || offset == 7200);
  // Both send five times a second.
  EXPECT_TRUE(Eventually(kPatience, [&] { return newest("berlin") - newest("utc") == offset; }))
      << newest("berlin") - newest("utc");
}

TEST(TimeZoneTest, AnUnknownZoneIsAConfigurationError) {
  DataGateway gateway({.env = {{"TZDIR", "/nowhere"}}});
  gateway.Configure(kPositions, {{.content = "<TimeZone _=\"Europe/Nowhere\"/>"}});
  gateway.Run();
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return gateway.harness().GatewayOutput().find("Europe/Nowhere") != std::string::npos;
  })) << gateway.harness().GatewayOutput();
}

}  // namespace
}  // namespace fieldgate::system_test
