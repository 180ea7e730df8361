#include "services/cloud_link/payload/data_layout.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cloud_link/payload/test_connector.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::JSON;
using config_store::v1::TIXML;
using config_store::v1::XML;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

DataLayout LayoutOf(const Connector& connector) {
  absl::StatusOr<DataLayout> layout = DataLayout::Create(connector);
  EXPECT_TRUE(layout.ok()) << layout.status();
  return *std::move(layout);
}

std::string Body(const DataLayout& layout, const std::string& columns) {
  std::string body;
  const absl::Status s = layout.AppendBody(columns, kMessageId, kTimestamp, body);
  EXPECT_TRUE(s.ok()) << s;
  return body;
}

// What is between the controllers' brackets.
std::string Controllers(const Connector& connector, const std::vector<uint32_t>& channels,
                        const std::vector<Sample>& samples) {
  const std::string body = Body(LayoutOf(connector), PackColumns(channels, samples));
  const bool json = connector.format() == JSON;
  const std::string begin = json ? "\"controllers\":[" : "<controllers>";
  const std::string end = json ? "]}" : "</controllers>";
  const size_t from = body.find(begin) + begin.size();
  return body.substr(from, body.rfind(end) - from);
}

// How one value of a data point with this meta_type is written.
std::string ValueText(config_store::v1::PayloadFormat format, const std::string& type,
                      Value value) {
  Connector connector = ConnectorWith(format);
  AddPoint(connector, "A", "/C/A", {{"type", type}});
  const std::string text = Controllers(connector, {0}, {Of(std::move(value))});
  const std::string begin = format == JSON ? "\"value\":" : "_=\"";
  const std::string end = format == JSON ? ",\"sensor_state\"" : "\" state";
  const size_t from = text.find(begin) + begin.size();
  return text.substr(from, text.rfind(end) - from);
}

TEST(DataLayoutTest, JsonValuesHaveTheirTypes) {
  EXPECT_EQ(ValueText(JSON, "temperature", 23.9), "23.9");
  EXPECT_EQ(ValueText(JSON, "temperature", int64_t{-5}), "-5");
  EXPECT_EQ(ValueText(JSON, "temperature", ~uint64_t{0}), "18446744073709551615");
  EXPECT_EQ(ValueText(JSON, "temperature", true), "1");
  EXPECT_EQ(ValueText(JSON, "temperature", std::string("12")), "\"12\"");
  EXPECT_EQ(ValueText(JSON, "temperature", std::string("a\"b\n\xc3\xa4")), "\"a\\\"b\\n\xc3\xa4\"");
  EXPECT_EQ(ValueText(JSON, "temperature", Value()), "\"\"");
}

TEST(DataLayoutTest, ASwitchIsTrueOrFalseInEveryFormat) {  // Table 2-4
  for (const auto format : {TIXML, XML, JSON}) {
    for (const Value& on : {Value(true), Value(int64_t{1}), Value(uint64_t{7}), Value(0.5),
                            Value(std::string("true")), Value(std::string("1"))}) {
      EXPECT_EQ(ValueText(format, "switch", on), "true");
    }
    for (const Value& off : {Value(false), Value(int64_t{0}), Value(uint64_t{0}), Value(-0.0),
                             Value(std::string("false")), Value(std::string("0"))}) {
      EXPECT_EQ(ValueText(format, "switch", off), "false");
    }
  }
  EXPECT_EQ(ValueText(JSON, "switch", std::string("open")), "\"open\"");
  EXPECT_EQ(ValueText(JSON, "switch", Value()), "\"\"");
  EXPECT_EQ(ValueText(TIXML, "switch", Value()), "");
}

TEST(DataLayoutTest, ACustomValueIsAlwaysAString) {
  EXPECT_EQ(ValueText(JSON, "custom", 1.5), "\"1.5\"");
  EXPECT_EQ(ValueText(JSON, "custom", int64_t{7}), "\"7\"");
  EXPECT_EQ(ValueText(JSON, "custom", false), "\"0\"");
  EXPECT_EQ(ValueText(JSON, "custom", std::string("0x1F")), "\"0x1F\"");
  EXPECT_EQ(ValueText(TIXML, "custom", std::string("0x1F")), "0x1F");
}

TEST(DataLayoutTest, APointWithoutATypeIsCustom) {
  Connector connector = ConnectorWith(JSON);
  AddPoint(connector, "A", "/C/A", {});
  EXPECT_THAT(Controllers(connector, {0}, {Of(1.5)}), HasSubstr("\"value\":\"1.5\""));
}

TEST(DataLayoutTest, TiXmlIsPureAscii) {
  EXPECT_EQ(ValueText(TIXML, "custom", std::string("a<b>&\"\xc2\xb0\r\n\t")),
            "a&lt;b&gt;&amp;&quot;&#xb0;&#xd;&#xa;&#x9;");
}

TEST(DataLayoutTest, WhatJsonCannotHoldIsEmpty) {
  for (const double number : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(ValueText(JSON, "temperature", number), "\"\"");
    EXPECT_EQ(ValueText(TIXML, "temperature", number), "");
  }
}

TEST(DataLayoutTest, NumbersAreWrittenAsAppendNumberDoes) {
  Connector connector = ConnectorWith(TIXML);
  std::mt19937_64 random(3);
  std::vector<Sample> samples;
  std::string expected = "<C><sensors>";
  const auto add = [&](double number) {
    const std::string name = absl::StrCat("S", samples.size());
    AddPoint(connector, name, "/C/" + name);
    samples.push_back(Of(number));
    absl::StrAppend(&expected, "<", name, " _=\"", ToText(Value(number)), "\" state=\"1\"/>");
  };
  for (const double number :
       {0.1, -0.1, 0.000001, 0.0000011, 9.9e-7, 999999999.999999, 1e9, 1e9 + 0.5, 0.3 - 0.2, 1e15,
        1e15 - 1, 123456789012345.6, -1e300, 5e-324, 1.0 / 3, 1e6 / 3, 0.9999999, 0.99999949}) {
    add(number);
  }
  for (int i = 0; i < 4000; ++i) {
    const double digits = static_cast<double>(static_cast<int64_t>(random() >> 20) - (1 << 30));
    add(digits / std::pow(10, static_cast<double>(random() % 12)));
    add(static_cast<double>(static_cast<float>(digits / 1000)));
    double bits;
    const uint64_t pattern = random() ^ random() << 32;
    std::memcpy(&bits, &pattern, sizeof bits);
    if (std::isfinite(bits)) add(bits);
  }
  std::vector<uint32_t> channels;
  for (uint32_t c = 0; c < samples.size(); ++c) channels.push_back(c);
  EXPECT_EQ(Controllers(connector, channels, samples), expected + "</sensors></C>");
}

TEST(DataLayoutTest, SensorsAreGroupedByControllerInConfigurationOrder) {
  Connector connector = ConnectorWith(JSON);
  AddPoint(connector, "A", "/Process/Bus1/D1/A");
  AddPoint(connector, "B", "/Process/PV/B");
  AddPoint(connector, "C", "/Process/Bus1/D1/C");
  AddPoint(connector, "D", "/SerialNo");
  EXPECT_EQ(
      Controllers(connector, {0, 1, 2, 3},
                  {Of(int64_t{1}), Of(int64_t{2}, 2), Of(int64_t{3}, 0), OfText("04600912", 2)}),
      R"({"external_controller_id":"Process_Bus1_D1","sensors":[)"
      R"({"external_sensor_id":"A","value":1,"sensor_state":1},)"
      R"({"external_sensor_id":"C","value":3,"sensor_state":0}]},)"
      R"({"external_controller_id":"Process_PV","sensors":[)"
      R"({"external_sensor_id":"B","value":2,"sensor_state":2}]},)"
      R"({"external_controller_id":"Get","sensors":[)"
      R"({"external_sensor_id":"SerialNo","value":"04600912","sensor_state":2}]})");
}

TEST(DataLayoutTest, OnlyTheSelectedSensorsAndTheirControllersAreSent) {
  Connector connector = ConnectorWith(TIXML);
  AddPoint(connector, "A", "/X/A");
  AddPoint(connector, "B", "/Y/B");
  AddPoint(connector, "C", "/X/C");
  AddPoint(connector, "D", "/Z/D");
  const std::vector<Sample> samples(4, Of(int64_t{1}));
  EXPECT_EQ(Controllers(connector, {2, 3}, samples),
            "<X><sensors><C _=\"1\" state=\"1\"/></sensors></X>"
            "<Z><sensors><D _=\"1\" state=\"1\"/></sensors></Z>");
  EXPECT_EQ(Controllers(connector, {}, samples), "");
}

TEST(DataLayoutTest, BracesAreOptionalInTiXmlAndXmlHasARoot) {
  Connector connector = ConnectorWith(TIXML);
  AddPoint(connector, "A", "/C/A");
  const std::string columns = PackColumns(0, 1, {Of(int64_t{1})});
  EXPECT_EQ(Body(LayoutOf(connector), columns).substr(0, 7), "{\n<?xml");
  connector.set_tixml_braces(false);
  EXPECT_EQ(Body(LayoutOf(connector), columns).substr(0, 5), "<?xml");
  EXPECT_THAT(Body(LayoutOf(connector), columns), Not(HasSubstr("{")));
  connector.set_format(XML);
  EXPECT_THAT(Body(LayoutOf(connector), columns),
              AllOf(HasSubstr("?>\n<data>\n"), HasSubstr("</data>")));
}

TEST(DataLayoutTest, XmlElementsHaveValidNamesAndJsonRawIds) {
  Connector connector = ConnectorWith(TIXML);
  AddPoint(connector, "A", "/1 Bus/3a\xc2\xb0");
  EXPECT_EQ(Controllers(connector, {0}, {Of(int64_t{1})}),
            "<_1_Bus><sensors><_3a_ _=\"1\" state=\"1\"/></sensors></_1_Bus>");
  connector.set_format(JSON);
  EXPECT_EQ(
      Controllers(connector, {0}, {Of(int64_t{1})}),
      "{\"external_controller_id\":\"1 Bus\",\"sensors\":[{\"external_sensor_id\":\"3a\xc2\xb0"
      "\",\"value\":1,\"sensor_state\":1}]}");
}

TEST(DataLayoutTest, TwoSensorsOfOneNameAreAConfigurationError) {
  Connector connector = ConnectorWith(TIXML);
  AddPoint(connector, "First", "/C/A 1");
  AddPoint(connector, "Second", "/C/A_1");
  const absl::Status s = DataLayout::Create(connector).status();
  EXPECT_EQ(s.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(s.message()), AllOf(HasSubstr("First"), HasSubstr("Second")));
  connector.set_format(JSON);  // raw ids differ
  EXPECT_TRUE(DataLayout::Create(connector).ok());
}

TEST(DataLayoutTest, ControllersOfOneNameAreOneUnlessTheirSensorsCollide) {
  Connector connector = ConnectorWith(JSON);
  AddPoint(connector, "A", "/Bus/1/A");
  AddPoint(connector, "B", "/Bus_1/B");
  EXPECT_THAT(Controllers(connector, {0, 1}, {Of(1.5), Of(2.5)}),
              HasSubstr(R"("sensor_state":1},{"external_sensor_id":"B")"));
  AddPoint(connector, "C", "/Bus_1/A");
  EXPECT_FALSE(DataLayout::Create(connector).ok());
}

TEST(DataLayoutTest, APathOfTwoSectionsIsOneSensor) {
  Connector connector = ConnectorWith(TIXML);
  AddPoint(connector, "A", "/C/A");
  AddPoint(connector, "B", "/C/B");
  connector.add_sections()->set_number(2);
  AddPoint(connector, "A", "C/A/");
  const std::vector<Sample> samples = {Of(int64_t{1}), Of(int64_t{2}), Of(int64_t{1})};
  EXPECT_EQ(Controllers(connector, {0, 1, 2}, samples),
            "<C><sensors><A _=\"1\" state=\"1\"/><B _=\"2\" state=\"1\"/></sensors></C>");
  EXPECT_EQ(Controllers(connector, {2}, samples),
            "<C><sensors><A _=\"1\" state=\"1\"/></sensors></C>");
}

TEST(DataLayoutTest, APathOfALogHasItsPlaceAndIsTheSensorOfTheRealtimeSection) {
  Connector connector = ConnectorWith(TIXML);
  AddPoint(connector, "A", "/C/A");
  auto& log = *connector.add_log_sections();
  AddPointTo(log, "A", "/C/A");
  AddPointTo(log, "L", "/C/L");
  const std::vector<Sample> samples = {Of(int64_t{1}), Of(int64_t{2}), Of(int64_t{3})};
  EXPECT_EQ(Controllers(connector, {0}, samples),
            "<C><sensors><A _=\"1\" state=\"1\"/></sensors></C>");
  EXPECT_EQ(Controllers(connector, {1, 2}, samples),
            "<C><sensors><A _=\"2\" state=\"1\"/><L _=\"3\" state=\"1\"/></sensors></C>");
}

TEST(DataLayoutTest, GpsInOneElementNeedsBothValues) {
  Connector connector = ConnectorWith(TIXML);
  connector.set_gps_as_lng_attribute(true);
  AddGps(connector, "GNSS", "/GNSS/Latitude", "/GNSS/Longitude");
  AddPoint(connector, "A", "/GNSS/A");
  const std::vector<Sample> samples = {OfText("52", 2), Sample(), Of(int64_t{1})};
  EXPECT_EQ(Controllers(connector, {0, 1, 2}, samples),
            "<GNSS><sensors><Latitude _=\"52\" lng=\"\" state=\"2\"/><A _=\"1\" state=\"1\"/>"
            "</sensors></GNSS>");
  const DataLayout layout = LayoutOf(connector);
  std::string body = "before";
  for (const std::vector<uint32_t>& channels : {std::vector<uint32_t>{0}, {1}, {0, 2}, {1, 2}}) {
    EXPECT_EQ(layout.AppendBody(PackColumns(channels, samples), 1, 2, body).code(),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(body, "before");
}

TEST(DataLayoutTest, GpsWithLatitudeAsSecondValue) {  // the text of 7.1
  Connector connector = ConnectorWith(TIXML);
  AddGps(connector, "GNSS", "/GNSS/Longitude", "/GNSS/Latitude").set_second_is_longitude(false);
  const std::vector<Sample> samples = {OfText("13.1", 2), OfText("52.5", 2)};
  EXPECT_EQ(Controllers(connector, {0, 1}, samples),
            "<GNSS><sensors><Longitude _=\"13.1\" state=\"2\"/><Latitude _=\"52.5\" state=\"2\"/>"
            "</sensors></GNSS>");
  connector.set_gps_as_lng_attribute(true);
  EXPECT_EQ(Controllers(connector, {0, 1}, samples),
            "<GNSS><sensors><Longitude _=\"13.1\" lat=\"52.5\" state=\"2\"/></sensors></GNSS>");
}

TEST(DataLayoutTest, JsonGpsIsAlwaysTwoSensors) {
  Connector connector = ConnectorWith(JSON);
  connector.set_gps_as_lng_attribute(true);
  AddGps(connector, "GNSS", "/GNSS/Latitude", "/GNSS/Longitude");
  EXPECT_EQ(Controllers(connector, {0, 1}, {Of(52.5, 0), OfText("", 0)}),
            R"({"external_controller_id":"GNSS","sensors":[)"
            R"({"external_sensor_id":"Longitude","value":"","sensor_state":2},)"
            R"({"external_sensor_id":"Latitude","value":52.5,"sensor_state":2}]})");
}

TEST(DataLayoutTest, BodiesAreThoseOfTheCodec) {
  Connector connector = ConnectorWith(TIXML);
  for (const char* path : {"/X/A", "/Y/B", "/X/C"}) AddPoint(connector, path + 3, path);
  const std::vector<Sample> samples = {OfText("a<\xc2\xb0"), Of(1.5, 0), Of(true, 2)};
  for (const auto format : {TIXML, XML}) {
    connector.set_format(format);
    const std::string body = Body(LayoutOf(connector), PackColumns(0, 3, samples));
    const absl::StatusOr<tixml::Document> document = tixml::Parse(body, {"data"});
    ASSERT_TRUE(document.ok()) << document.status();
    EXPECT_EQ(tixml::WriteBody(document->format, document->nodes, "data"), body);
  }
}

TEST(DataLayoutTest, LongTextsFit) {
  Connector connector = ConnectorWith(TIXML);
  AddPoint(connector, "A", "/C/A");
  AddPoint(connector, "B", "/C/B");
  const std::string text(100'000, '<');
  const std::string body = Controllers(connector, {0, 1}, {OfText(text), OfText(text)});
  EXPECT_EQ(body.size(), 2 * 4 * text.size() + std::string("<C><sensors></sensors></C>").size() +
                             2 * std::string("<A _=\"\" state=\"1\"/>").size());
}

TEST(DataLayoutTest, ABodyIsAppended) {
  Connector connector = ConnectorWith(JSON);
  AddPoint(connector, "A", "/C/A");
  std::string out = "before ";
  ASSERT_TRUE(LayoutOf(connector).AppendBody(PackColumns(0, 1, {Of(1.5)}), 9, -1, out).ok());
  EXPECT_THAT(out, testing::StartsWith("before {\"message_id\":9,\"timestamp\":-1,"));
}

}  // namespace
}  // namespace fieldgate::cloud_link
