// CS-40 to CS-59: the settings of a connector.
#include "services/config_store/validation/connector.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config_store/validation/test_support.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::string_view kMandatory = R"(<CloudBaseUrl _="tcp://broker"/>
<CloudConnStart _="1"/>
<CloudConnType _="FPIL_Tixi_MQTT_1"/>)";

struct Result {
  std::vector<v1::Connector> connectors;
  std::vector<std::string> problems;
  std::vector<std::string> log_problems;
};

google::protobuf::RepeatedPtrField<v1::Log> OneLog() {
  google::protobuf::RepeatedPtrField<v1::Log> logs;
  v1::Log& log = *logs.Add();
  log.set_name("Energy");
  v1::DataPoint& point = *log.add_points();
  point.set_name("P");
  point.set_path("/Process/Bus/Meter/P");
  return logs;
}

Result ReadIsp(absl::string_view elements) {
  const tixml::Node isp = Database("ISP", elements);
  v1::Device device;
  device.set_product_name("WT640");
  device.set_serial_number("01234567");
  Problems problems;
  Problems unknown_paths;
  Result result;
  Problems log_problems;
  result.connectors =
      ReadConnectors(&isp, device, Origins({}), OneLog(), problems, unknown_paths, log_problems);
  result.problems = Lines(problems);
  result.log_problems = Lines(log_problems);
  return result;
}

// A CloudConn with the mandatory settings in lines 1 to 3 and these from line 4.
Result Read(absl::string_view settings) {
  return ReadIsp(absl::StrCat("<CloudConn>", kMandatory, "\n", settings, "</CloudConn>"));
}

TEST(ConnectorTest, DefaultsAreFilledIn) {
  const Result result = Read("");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.connectors.size(), 1u);
  const v1::Connector& c = result.connectors[0];
  EXPECT_EQ(c.name(), "CloudConn");
  EXPECT_TRUE(c.start());
  EXPECT_EQ(c.base_url(), "tcp://broker:1883");
  EXPECT_EQ(c.qos(), 1);
  EXPECT_EQ(c.format(), v1::TIXML);
  EXPECT_EQ(c.keep_alive_s(), 300u);
  EXPECT_FALSE(c.virtual_devices());
  EXPECT_EQ(c.tls().server_auth(), v1::Tls::CA_BUNDLE);
  EXPECT_EQ(c.client_id(), "WT640_01234567");
  EXPECT_TRUE(c.clean_session());
  EXPECT_TRUE(c.cache());
  EXPECT_EQ(c.cache_max_mb(), 64u);
  EXPECT_FALSE(c.cache_drop_newest());
  EXPECT_EQ(c.cache_mode(), v1::DURABLE);
  EXPECT_EQ(c.cache_max_age_s(), 0u);
  EXPECT_EQ(c.cache_min_free_mb(), 16u);
  EXPECT_EQ(c.response_timeout_s(), 60u);
  EXPECT_EQ(c.retry_max_s(), 900u);
  EXPECT_EQ(c.broker_fallback_s(), 86'400u);
  EXPECT_EQ(c.confirm_time_s(), 300u);
  EXPECT_THAT(c.broker_redirect_allow(), IsEmpty());
  EXPECT_EQ(c.time_zone(), "");
  EXPECT_FALSE(c.gps_as_lng_attribute());
  EXPECT_TRUE(c.tixml_braces());
}

TEST(ConnectorTest, EachSettingIsTaken) {
  const Result result = Read(R"(
    <username _="u"/><password _="p"/><gateway_id _="g"/><customer_id _="c"/><QoS _="2"/>
    <TLS_Server_authmode _="file"/><TLS_Server_cert _="ca.crt"/><TLS_ALPN _="a,b"/>
    <CloudConnDataFormat _="json"/><MQTTKeepAlive _="0"/><MQTTClientId _="me"/>
    <MQTTCleanSession _="0"/><MQTTCache _="0"/><MQTTCacheMaxMB _="7"/>
    <MQTTCachePolicy _="drop_newest"/><ResponseTimeout _="5"/><RetryMaxTime _="6"/>
    <BrokerFallbackTime _="8"/><BrokerRedirectAllow _=".juconn.io, example.com"/>
    <TimeZone _="Europe/Berlin"/><GpsPayload _="lng"/><TiXMLBraces _="0"/>
    <ConfirmTime _="86400"/><MQTTCacheMaxAge _="30d"/><MQTTCacheMinFreeMB _="0"/>)");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.connectors.size(), 1u);
  const v1::Connector& c = result.connectors[0];
  EXPECT_EQ(c.confirm_time_s(), 86'400u);
  EXPECT_EQ(c.username(), "u");
  EXPECT_EQ(c.password(), "p");
  EXPECT_EQ(c.gateway_id(), "g");
  EXPECT_EQ(c.customer_id(), "c");
  EXPECT_EQ(c.qos(), 2);
  EXPECT_EQ(c.tls().server_auth(), v1::Tls::FILE);
  EXPECT_EQ(c.tls().server_cert(), "ca.crt");
  EXPECT_EQ(c.tls().alpn(), "a,b");
  EXPECT_EQ(c.format(), v1::JSON);
  EXPECT_EQ(c.keep_alive_s(), 0u);
  EXPECT_EQ(c.client_id(), "me");
  EXPECT_FALSE(c.clean_session());
  EXPECT_FALSE(c.cache());
  EXPECT_EQ(c.cache_max_mb(), 7u);
  EXPECT_TRUE(c.cache_drop_newest());
  EXPECT_EQ(c.cache_max_age_s(), 2'592'000u);
  EXPECT_EQ(c.cache_min_free_mb(), 0u);
  EXPECT_EQ(c.response_timeout_s(), 5u);
  EXPECT_EQ(c.retry_max_s(), 6u);
  EXPECT_EQ(c.broker_fallback_s(), 8u);
  EXPECT_THAT(c.broker_redirect_allow(), ElementsAre(".juconn.io", "example.com"));
  EXPECT_EQ(c.time_zone(), "Europe/Berlin");
  EXPECT_TRUE(c.gps_as_lng_attribute());
  EXPECT_FALSE(c.tixml_braces());
}

// Manual 7, with meta_type in place of its [meta_...].
TEST(ConnectorTest, TheManualsExampleIsAccepted) {
  const Result result = ReadIsp(R"(<CloudConn>
     <CloudBaseUrl _="tcp://URL_or_IP_of_MQTT_broker:1883"/>
     <username _="user" />
     <password _="password" />
     <gateway_id _="gateway_id" />
     <customer_id _="customer_id" />
     <QoS _="1" />
     <TLS_Server_authmode _="file" />
     <TLS_Server_cert _="servercert.crt" />
     <CloudConnStart _="1"/>
     <CloudConnType _="FPIL_Tixi_MQTT_1"/>
     <CloudConnDataFormat _="TiXML"/>
     <MQTTKeepAlive _="200"/>
     <RTSendTime1 _="2" />
     <Realtime1>
       <Datapoint1 _="/Process/Bus1/Device1/DP1" meta_type="temperature"/>
       <Datapoint4 _="/Process/PV/ProcVar1" meta_type="temperature"/>
       <GNSS _="/GNSS/Latitude" lng="/GNSS/Longitude" meta_type="gps" />
     </Realtime1>
  </CloudConn>)");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.connectors.size(), 1u);
  EXPECT_EQ(result.connectors[0].sections(0).points_size(), 3);
}

TEST(ConnectorTest, NamesOfSettingsAreMatchedWithoutRegardToCase) {
  const Result result = Read("<qos _=\"0\"/>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(result.connectors[0].qos(), 0);
}

TEST(ConnectorTest, AValueMayStandAsText) {
  EXPECT_EQ(Read("<QoS>2</QoS>").connectors[0].qos(), 2);
}

TEST(ConnectorTest, TheMandatorySettingsAreNamedWhenMissing) {
  EXPECT_THAT(
      ReadIsp("\n<CloudConn><QoS _=\"1\"/></CloudConn>").problems,
      ElementsAre("error 2 /ISP/CloudConn: CloudBaseUrl is missing; write <CloudBaseUrl "
                  "_=\"ssl://HOST:8883\"/> or tcp://HOST:1883",
                  "error 2 /ISP/CloudConn: CloudConnStart is missing; write <CloudConnStart "
                  "_=\"1\"/>, or 0 to leave it off",
                  "error 2 /ISP/CloudConn: CloudConnType is missing; write <CloudConnType "
                  "_=\"FPIL_Tixi_MQTT_1\"/>"));
}

TEST(ConnectorTest, AnEmptyConnectorIsNone) {
  const Result result = ReadIsp("<CloudConn/>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.connectors, IsEmpty());
}

TEST(ConnectorTest, TheUrlHasSchemeHostAndAPort) {
  struct Case {
    const char* url;
    const char* normal;
  };
  for (const Case& c :
       {Case{"ssl://b", "ssl://b:8883"}, Case{"tcp://10.0.0.1:1", "tcp://10.0.0.1:1"},
        Case{"ssl://[::1]", "ssl://[::1]:8883"}}) {
    const Result result =
        ReadIsp(absl::StrCat("<CloudConn><CloudBaseUrl _=\"", c.url,
                             "\"/><CloudConnStart _=\"0\"/>"
                             "<CloudConnType _=\"FPIL_Tixi_MQTT_1\"/></CloudConn>"));
    ASSERT_EQ(result.connectors.size(), 1u) << c.url;
    EXPECT_EQ(result.connectors[0].base_url(), c.normal);
  }
  struct Bad {
    const char* url;
    const char* why;
  };
  for (const Bad& c : {Bad{"broker:1883", "it does not start with tcp:// or ssl://"},
                       Bad{"mqtt://broker", "it does not start with tcp:// or ssl://"},
                       Bad{"tcp://", "the host is missing"},
                       Bad{"tcp://b:0", "the port is not a number from 1 to 65535"},
                       Bad{"tcp://b:1883/x", "the port is not a number from 1 to 65535"},
                       Bad{"tcp://a b", "the host is no name and no address"},
                       Bad{"tcp://.b", "the host is no name and no address"},
                       Bad{"tcp://-b", "the host is no name and no address"},
                       Bad{"tcp://::1", "an IPv6 address must stand in []"}}) {
    EXPECT_THAT(ReadIsp(absl::StrCat("<CloudConn><CloudBaseUrl _=\"", c.url,
                                     "\"/><CloudConnStart _=\"0\"/>"
                                     "<CloudConnType _=\"FPIL_Tixi_MQTT_1\"/></CloudConn>"))
                    .problems,
                ElementsAre(absl::StrCat("error 1 /ISP/CloudConn/CloudBaseUrl: '", c.url,
                                         "' is no URL of a broker: ", c.why,
                                         "; write tcp://HOST:1883, or ssl://HOST:8883 for TLS")));
  }
}

TEST(ConnectorTest, TheTypeIsTheOneOfTheManual) {
  EXPECT_THAT(ReadIsp("<CloudConn><CloudBaseUrl _=\"tcp://b\"/><CloudConnStart _=\"1\"/>"
                      "<CloudConnType _=\"FPIL_Tixi_HTTP_1\"/></CloudConn>")
                  .problems,
              ElementsAre("error 1 /ISP/CloudConn/CloudConnType: 'FPIL_Tixi_HTTP_1' is no known "
                          "type of connector; write FPIL_Tixi_MQTT_1"));
}

TEST(ConnectorTest, EachNumberHasItsRange) {
  struct Case {
    const char* name;
    int64_t min;
    int64_t max;
  };
  for (const Case& c :
       {Case{"QoS", 0, 2}, Case{"MQTTKeepAlive", 0, 65'535}, Case{"MQTTCacheMaxMB", 1, 100'000},
        Case{"MQTTCacheMinFreeMB", 0, 100'000}, Case{"ResponseTimeout", 1, 3'600},
        Case{"RetryMaxTime", 1, 86'400}, Case{"BrokerFallbackTime", 1, 31'536'000}}) {
    SCOPED_TRACE(c.name);
    for (const int64_t good : {c.min, c.max}) {
      EXPECT_THAT(Read(absl::StrCat("<", c.name, " _=\"", good, "\"/>")).problems, IsEmpty());
    }
    for (const int64_t bad : {c.min - 1, c.max + 1}) {
      EXPECT_THAT(Read(absl::StrCat("<", c.name, " _=\"", bad, "\"/>")).problems,
                  ElementsAre(absl::StrCat("error 4 /ISP/CloudConn/", c.name, ": '", bad,
                                           "' is out of range; write a number from ", c.min, " to ",
                                           c.max)));
    }
  }
}

TEST(ConnectorTest, ConfirmTimeIsOffOrLongEnoughToComeBack) {
  for (const int good : {0, 10, 86'400}) {
    const Result result = Read(absl::StrCat("<ConfirmTime _=\"", good, "\"/>"));
    EXPECT_THAT(result.problems, IsEmpty());
    EXPECT_EQ(result.connectors.at(0).confirm_time_s(), static_cast<uint32_t>(good));
  }
  EXPECT_THAT(Read("<ConfirmTime _=\"9\"/>").problems,
              ElementsAre("error 4 /ISP/CloudConn/ConfirmTime: '9' is out of range; write a number "
                          "from 10 to 86400, or 0 for no probation"));
  EXPECT_THAT(Read("<ConfirmTime _=\"86401\"/>").problems,
              ElementsAre(HasSubstr("'86401' is out of range")));
}

TEST(ConnectorTest, TheCacheModeIsTakenAndBoundsWhatMemoryMayTake) {
  EXPECT_EQ(Read("<MQTTCacheMode _=\"durable\"/>").connectors.at(0).cache_mode(), v1::DURABLE);
  const Result outage = Read("<MQTTCacheMode _=\"disk_on_outage\"/>");
  EXPECT_EQ(outage.connectors.at(0).cache_mode(), v1::DISK_ON_OUTAGE);
  EXPECT_EQ(outage.connectors.at(0).cache_max_mb(), 64u);
  const Result memory = Read("<MQTTCacheMode _=\"memory\"/>");
  EXPECT_EQ(memory.connectors.at(0).cache_mode(), v1::MEMORY);
  EXPECT_EQ(memory.connectors.at(0).cache_max_mb(), 16u);

  const auto in_memory = [](int megabytes) {
    return Read(
        absl::StrCat("<MQTTCacheMode _=\"memory\"/>\n<MQTTCacheMaxMB _=\"", megabytes, "\"/>"));
  };
  EXPECT_THAT(in_memory(64).problems, IsEmpty());
  EXPECT_EQ(in_memory(64).connectors.at(0).cache_max_mb(), 64u);
  EXPECT_THAT(in_memory(65).problems,
              ElementsAre("error 5 /ISP/CloudConn/MQTTCacheMaxMB: 65 MB are too much for "
                          "MQTTCacheMode memory; write a number from 1 to 64, or <MQTTCacheMode "
                          "_=\"disk_on_outage\"/>"));
  EXPECT_THAT(
      Read("<MQTTCacheMode _=\"ram\"/>").problems,
      ElementsAre("error 4 /ISP/CloudConn/MQTTCacheMode: 'ram' is not known here; write one "
                  "of durable, disk_on_outage, memory"));
}

TEST(ConnectorTest, TheAgeOfDataIsWrittenAsThatOfALog) {
  const Result result = Read("<MQTTCacheMaxAge _=\"12h\"/>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(result.connectors.at(0).cache_max_age_s(), 43'200u);
  for (const char* bad : {"30", "0s", "3651d", "1.5h"}) {
    EXPECT_THAT(Read(absl::StrCat("<MQTTCacheMaxAge _=\"", bad, "\"/>")).problems,
                ElementsAre(HasSubstr("write a whole number with s, m, h or d behind it, from 1s "
                                      "to 3650d")));
  }
}

TEST(ConnectorTest, EachSwitchIs0Or1) {
  for (const char* name : {"virtual_devices", "MQTTCleanSession", "MQTTCache", "TiXMLBraces"}) {
    EXPECT_THAT(Read(absl::StrCat("<", name, " _=\"yes\"/>")).problems,
                ElementsAre(absl::StrCat("error 4 /ISP/CloudConn/", name,
                                         ": 'yes' is neither 0 nor 1; write 0 or 1")));
  }
}

TEST(ConnectorTest, EachChoiceListsWhatIsPossible) {
  EXPECT_THAT(
      Read("<CloudConnDataFormat _=\"CSV\"/>\n<MQTTCachePolicy _=\"drop\"/>\n"
           "<GpsPayload _=\"lat\"/>\n<TLS_Server_authmode _=\"ca\"/>")
          .problems,
      ElementsAre("error 4 /ISP/CloudConn/CloudConnDataFormat: 'CSV' is not known here; write one "
                  "of TiXML, XML, JSON",
                  "error 5 /ISP/CloudConn/MQTTCachePolicy: 'drop' is not known here; write one of "
                  "drop_oldest, drop_newest",
                  "error 6 /ISP/CloudConn/GpsPayload: 'lat' is not known here; write lng",
                  "error 7 /ISP/CloudConn/TLS_Server_authmode: 'ca' is not known here; write one "
                  "of none, cabundle, file, hsm"));
}

TEST(ConnectorTest, IdsAreFitForTopicsAndComeTogether) {
  EXPECT_THAT(Read("<gateway_id _=\"a/b\"/>\n<customer_id _=\"c\"/>").problems,
              ElementsAre("error 4 /ISP/CloudConn/gateway_id: 'a/b' can't be part of a topic; "
                          "write 1 to 64 of the characters A-Z a-z 0-9 _ . : -"));
  EXPECT_THAT(Read("<customer_id _=\"c\"/>").problems,
              ElementsAre("error 4 /ISP/CloudConn/customer_id: customer_id is given without "
                          "gateway_id; write both, or neither to get them by rollout"));
  EXPECT_THAT(Read("<gateway_id _=\"g\"/>").problems,
              ElementsAre(HasSubstr("gateway_id is given without customer_id")));
}

TEST(ConnectorTest, APasswordNeedsAUserNameAndIsNeverShown) {
  EXPECT_THAT(Read("<password _=\"hunter2\"/>").problems,
              ElementsAre("error 4 /ISP/CloudConn/password: MQTT has no password without a user "
                          "name; write username, too"));
}

TEST(ConnectorTest, ClientCertificatesAreKeptWithAWarning) {
  const Result result = Read(
      "<TLS_Client_authmode _=\"file\"/>\n<TLS_Client_key _=\"k\"/>\n<TLS_Client_cert _=\"c\"/>");
  EXPECT_EQ(result.connectors.size(), 1u);
  EXPECT_THAT(
      result.problems,
      ElementsAre(HasSubstr("warning 4 /ISP/CloudConn/TLS_Client_authmode: TLS_Client_authmode is "
                            "kept, but client certificates are not used yet"),
                  HasSubstr("warning 5 /ISP/CloudConn/TLS_Client_key"),
                  HasSubstr("warning 6 /ISP/CloudConn/TLS_Client_cert")));
}

TEST(ConnectorTest, AServerCertificateInAFileIsAPlainName) {
  EXPECT_THAT(Read("<TLS_Server_authmode _=\"file\"/>").problems,
              ElementsAre(HasSubstr("error 1 /ISP/CloudConn: TLS_Server_cert is missing")));
  EXPECT_THAT(
      Read("<TLS_Server_authmode _=\"file\"/><TLS_Server_cert _=\"../key\"/>").problems,
      ElementsAre("error 4 /ISP/CloudConn/TLS_Server_cert: '../key' is no plain file name; write "
                  "the name of a file in certs/, without a path"));
  EXPECT_THAT(Read("<TLS_Server_cert _=\"a.crt\"/>").problems,
              ElementsAre(HasSubstr("warning 4 /ISP/CloudConn/TLS_Server_cert: it has no effect "
                                    "without TLS_Server_authmode file")));
}

TEST(ConnectorTest, AServerCertificateInAnHsmIsNotSupportedYet) {
  EXPECT_THAT(Read("<TLS_Server_authmode _=\"hsm\"/>").problems,
              ElementsAre("error 4 /ISP/CloudConn/TLS_Server_authmode: 'hsm' is not supported yet; "
                          "write cabundle or file"));
}

TEST(ConnectorTest, TheTimeZoneExists) {
  EXPECT_THAT(Read("<TimeZone _=\"Europe/Bonn\"/>").problems,
              ElementsAre("error 4 /ISP/CloudConn/TimeZone: 'Europe/Bonn' is no known time zone; "
                          "write an IANA name such as Europe/Berlin"));
}

// Loading a time zone opens a file, which may be a device.
TEST(ConnectorTest, ATimeZoneIsNeverAnotherFile) {
  for (const char* name : {"/usr/share/zoneinfo/Europe/Berlin", "../zoneinfo/Europe/Berlin",
                           "file:Europe/Berlin", "libc:localtime", "/dev/watchdog"}) {
    EXPECT_THAT(Read(absl::StrCat("<TimeZone _=\"", name, "\"/>")).problems,
                ElementsAre(HasSubstr("is no known time zone")))
        << name;
  }
}

TEST(ConnectorTest, BrokerRedirectAllowListsEndsOfHostNames) {
  EXPECT_THAT(Read("<BrokerRedirectAllow _=\"a.com,ssl://b\"/>").problems,
              ElementsAre(HasSubstr("BrokerRedirectAllow: 'ssl://b' is no end of a host name")));
}

TEST(ConnectorTest, ASettingGivenTwiceIsAnErrorInAnyCase) {
  EXPECT_THAT(Read("<QoS _=\"1\"/>\n<qos _=\"2\"/>").problems,
              ElementsAre("error 5 /ISP/CloudConn/qos: qos is given twice; remove one of them"));
}

TEST(ConnectorTest, AnUnknownSettingIsAWarningWithTheNearestKnownOne) {
  EXPECT_THAT(Read("<CloudBaseUri _=\"x\"/>\n<Something/>").problems,
              ElementsAre("warning 4 /ISP/CloudConn/CloudBaseUri: 'CloudBaseUri' is not known here "
                          "and has no effect; did you mean CloudBaseUrl?",
                          "warning 5 /ISP/CloudConn/Something: 'Something' is not known here and "
                          "has no effect; remove it"));
}

TEST(ConnectorTest, FurtherConnectorsHaveClientIdsOfTheirOwn) {
  const Result result =
      ReadIsp(absl::StrCat("<CloudConn3>", kMandatory, "</CloudConn3><CloudConn>", kMandatory,
                           "</CloudConn><CloudConn2>", kMandatory, "</CloudConn2>"));
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.connectors.size(), 3u);
  EXPECT_EQ(result.connectors[0].client_id(), "WT640_01234567");
  EXPECT_EQ(result.connectors[1].client_id(), "WT640_01234567_2");
  EXPECT_EQ(result.connectors[2].client_id(), "WT640_01234567_3");
}

TEST(ConnectorTest, TwoConnectorsOfOneBrokerMustNotShareTheirClientId) {
  const std::string settings = absl::StrCat(kMandatory, "<MQTTClientId _=\"x\"/>");
  EXPECT_THAT(ReadIsp(absl::StrCat("<CloudConn>", settings, "</CloudConn><CloudConn2>", settings,
                                   "</CloudConn2>"))
                  .problems,
              ElementsAre(HasSubstr("/ISP/CloudConn2: CloudConn2 and CloudConn log in to "
                                    "tcp://broker:1883 with the same client id 'x'; give them "
                                    "different MQTTClientId")));
}

TEST(ConnectorTest, AFourthConnectorIsAWarning) {
  EXPECT_THAT(ReadIsp("<CloudConn4><QoS _=\"1\"/></CloudConn4><SMTP _=\"x\"/>").problems,
              ElementsAre("warning 1 /ISP/CloudConn4: 'CloudConn4' is no connector and has no "
                          "effect; the connectors are CloudConn, CloudConn2 and CloudConn3"));
}

TEST(ConnectorTest, AConnectorWithErrorsIsLeftOutAndTheOthersStay) {
  const Result result = ReadIsp(absl::StrCat("<CloudConn><QoS _=\"9\"/></CloudConn><CloudConn2>",
                                             kMandatory, "</CloudConn2>"));
  ASSERT_EQ(result.connectors.size(), 1u);
  EXPECT_EQ(result.connectors[0].name(), "CloudConn2");
}

TEST(ConnectorTest, ControllersHaveTimeoutAndCustomFields) {
  const Result result = Read(
      "<Realtime1><A _=\"/GSM/State\" meta_type=\"custom\"/></Realtime1>"
      "<Controllers><GSM timeout=\"360\" custom_fields=\"a=b;c=d\"/></Controllers>");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.connectors[0].controllers_size(), 1);
  EXPECT_EQ(result.connectors[0].controllers(0).name(), "GSM");
  EXPECT_EQ(result.connectors[0].controllers(0).timeout_s(), 360u);
  EXPECT_EQ(result.connectors[0].controllers(0).custom_fields(), "a=b;c=d");
}

TEST(ConnectorTest, WrongControllersAreNamed) {
  EXPECT_THAT(
      Read("<Realtime1><A _=\"/GSM/State\" meta_type=\"custom\"/></Realtime1>\n"
           "<Controllers>\n<GMS timeout=\"0\"/>\n<GSM custom_fields=\"x\"/>\n<GSM/></Controllers>")
          .problems,
      ElementsAre("error 6 /ISP/CloudConn/Controllers/GMS/@timeout: '0' is out of range; write a "
                  "number from 1 to 31536000",
                  "warning 6 /ISP/CloudConn/Controllers/GMS: no data point belongs to a controller "
                  "GMS; write a data point's path without the last level, with '_' for '/', such "
                  "as Process_Bus1_Device1",
                  "error 7 /ISP/CloudConn/Controllers/GSM/@custom_fields: 'x' is no list of "
                  "fields; write key=value;key=value",
                  "error 8 /ISP/CloudConn/Controllers/GSM: the controller GSM is given twice; "
                  "remove one of them"));
}

TEST(ConnectorTest, ARouteIsTakenAndAWrongOneKeepsItsConnectorOff) {
  const std::string isp = absl::StrCat("<CloudConn>", kMandatory, "</CloudConn><CloudConn2>",
                                       kMandatory, "<MQTTClientId _=\"b\"/></CloudConn2>");
  const Result routed = ReadIsp(absl::StrCat(
      isp, R"(<ISP><OUT><CloudConn _="Ethernet"/><CloudConn2 _="MODEM"/></OUT></ISP>)"));
  ASSERT_EQ(routed.connectors.size(), 1u);
  EXPECT_EQ(routed.connectors[0].name(), "CloudConn");
  EXPECT_EQ(routed.connectors[0].route(), "Ethernet");
  EXPECT_EQ(routed.connectors[0].interface(), "");
  EXPECT_THAT(routed.problems, ElementsAre(HasSubstr("device.json names no interface for MODEM")));
}

TEST(ConnectorTest, TheDataPointsOfALogBelongToControllers) {
  const Result result =
      Read("<Log1 _=\"Energy\"/><Controllers><Process_Bus_Meter timeout=\"360\"/></Controllers>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.log_problems, IsEmpty());
  ASSERT_EQ(result.connectors.size(), 1u);
  EXPECT_EQ(result.connectors[0].log_sections(0).log(), "Energy");
  EXPECT_EQ(result.connectors[0].controllers_size(), 1);
}

TEST(ConnectorTest, AConnectorThatCantSendItsLogIsLeftOut) {
  const Result result = ReadIsp(absl::StrCat(
      "<CloudConn>", kMandatory, "<virtual_devices _=\"1\"/><Log1 _=\"Energy\"/></CloudConn>",
      "<CloudConn2>", kMandatory, "<Log1 _=\"Energy\"/></CloudConn2>"));
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.log_problems, ElementsAre(HasSubstr("P of the log Energy has no "
                                                         "meta_virtual_device")));
  ASSERT_EQ(result.connectors.size(), 1u);
  EXPECT_EQ(result.connectors[0].name(), "CloudConn2");
}

}  // namespace
}  // namespace fieldgate::config_store
