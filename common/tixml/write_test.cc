#include <string>

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::tixml {
namespace {

Node Element(absl::string_view name, std::vector<Node> children = {}, std::string text = {}) {
  Node node;
  node.name = std::string(name);
  node.children = std::move(children);
  node.text = std::move(text);
  return node;
}

std::string XmlEscaped(absl::string_view text) {
  std::string out;
  AppendXmlEscaped(text, out);
  return out;
}

std::string JsonEscaped(absl::string_view text) {
  std::string out;
  AppendJsonEscaped(text, out);
  return out;
}

const std::vector<Node>& ConfigResult() {
  static const auto* nodes = new std::vector<Node>{
      ValueNode("error_code", "0"), ValueNode("response_id", "01234567_7"),
      Element("config_result_xml", {Element("SetConfig"), ValueNode("Get", "5")})};
  return *nodes;
}

TEST(WriteBodyTest, TiXmlHasBracesAndDeclarationAndNoCommonRoot) {
  EXPECT_EQ(WriteBody(Format::kTiXml, ConfigResult(), "configResult"),
            "{\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<error_code _=\"0\"/>\n"
            "<response_id _=\"01234567_7\"/>\n"
            "<config_result_xml><SetConfig/><Get _=\"5\"/></config_result_xml>\n}");
}

TEST(WriteBodyTest, TiXmlWithoutBracesIsTheSameOtherwise) {
  EXPECT_EQ(WriteBody(Format::kTiXml, {Element("a")}, "r", /*braces=*/false),
            "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<a/>\n");
}

TEST(WriteBodyTest, XmlHasOneRoot) {
  EXPECT_EQ(WriteBody(Format::kXml, {Element("a"), Element("b")}, "data"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<data>\n<a/>\n<b/>\n</data>\n");
}

TEST(WriteBodyTest, JsonHasPlainMembersAtTheTopAndMappedOnesBelow) {
  EXPECT_EQ(WriteBody(Format::kJson, ConfigResult(), "configResult"),
            "{\"error_code\":0,\"response_id\":\"01234567_7\","
            "\"config_result_xml\":{\"SetConfig\":null,\"Get\":{\"-_\":\"5\"}}}");
}

TEST(WriteBodyTest, JsonKeepsTextThatOnlyLooksLikeANumber) {
  EXPECT_EQ(WriteBody(Format::kJson, {ValueNode("serial_number", "12345678")}, ""),
            "{\"serial_number\":\"12345678\"}");
  EXPECT_EQ(WriteBody(Format::kJson, {ValueNode("error_code", "007")}, ""),
            "{\"error_code\":\"007\"}");
}

TEST(WriteBodyTest, JsonMakesOneArrayOfSiblingsOfOneName) {
  EXPECT_EQ(WriteBody(Format::kJson, {ValueNode("a", "1"), Element("b"), Element("a")}, ""),
            "{\"a\":[\"1\",null],\"b\":null}");
  EXPECT_EQ(WriteFramed(Format::kJson,
                        {Element("x", {ValueNode("a", "1"), Element("b"), Element("a")}, "t")}),
            "{\"x\":{\"#text\":\"t\",\"a\":[{\"-_\":\"1\"},null],\"b\":null}}");
}

TEST(WriteBodyTest, AnEmptyBodyIsStillABody) {
  EXPECT_EQ(WriteBody(Format::kTiXml, {}, "r"),
            "{\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n}");
  EXPECT_EQ(WriteBody(Format::kJson, {}, "r"), "{}");
}

TEST(WriteFramedTest, FramesTiXmlOnly) {
  const std::vector<Node> nodes = {Element("Get", {ValueNode("a", "1")}), Element("Set")};
  EXPECT_EQ(WriteFramed(Format::kTiXml, nodes), "[<Get>\n  <a _=\"1\"/>\n</Get>\n<Set/>]");
  EXPECT_EQ(WriteFramed(Format::kXml, nodes), "<Get>\n  <a _=\"1\"/>\n</Get>\n<Set/>\n");
  EXPECT_EQ(WriteFramed(Format::kJson, {ValueNode("Get", "22.5")}), "{\"Get\":{\"-_\":\"22.5\"}}");
}

TEST(WriteElementTest, IndentsChildren) {
  Node node = Element("a", {Element("b", {Element("c")}), Element("d", {}, "text")}, "mixed");
  node.Set("_", "1").Set("ver", "y");
  EXPECT_EQ(WriteElement(node),
            "<a _=\"1\" ver=\"y\">mixed\n  <b>\n    <c/>\n  </b>\n  <d>text</d>\n</a>\n");
}

TEST(WriteElementTest, ChangesOnlyNamesThatAreNone) {
  Node node = Element("2 \u00b0");
  node.Set("a b", "1").Set("gr\u00f6\u00dfe", "2");
  EXPECT_EQ(WriteElement(node), "<_2__ a_b=\"1\" gr\u00f6\u00dfe=\"2\"/>\n");
}

TEST(ToXmlNameTest, ReplacesWhatANameCannotHave) {
  EXPECT_EQ(ToXmlName("Var_1.a-b:c"), "Var_1.a-b:c");
  EXPECT_EQ(ToXmlName("1stFloor"), "_1stFloor");
  EXPECT_EQ(ToXmlName("Temp Sensor/2 (\u20ac)"), "Temp_Sensor_2____");
  EXPECT_EQ(ToXmlName("-x"), "_x");
  EXPECT_EQ(ToXmlName(".x"), "_x");
  EXPECT_EQ(ToXmlName(""), "_");
  EXPECT_EQ(ToXmlName("a\xFF\xB0z"), "a__z");
  EXPECT_EQ(ToXmlName("\u00dcberlauf"), "\u00dcberlauf");
}

TEST(AppendXmlEscapedTest, IsPureAscii) {
  EXPECT_EQ(XmlEscaped("21.5 \u00b0C"), "21.5 &#xb0;C");
  EXPECT_EQ(XmlEscaped("\u20ac\U0001F600"), "&#x20ac;&#x1f600;");
  EXPECT_EQ(XmlEscaped("<&>\"'"), "&lt;&amp;&gt;&quot;&apos;");
  EXPECT_EQ(XmlEscaped("a\r\n\tb"), "a&#xd;&#xa;&#x9;b");
}

TEST(AppendXmlEscapedTest, ReplacesWhatXmlCannotHold) {
  EXPECT_EQ(XmlEscaped("a\xB0"), "a&#xfffd;");
  EXPECT_EQ(XmlEscaped("\xC3"), "&#xfffd;");
  EXPECT_EQ(XmlEscaped("\xED\xA0\x80"), "&#xfffd;&#xfffd;&#xfffd;");
  EXPECT_EQ(XmlEscaped(absl::string_view("\0\x1F", 2)), "&#xfffd;&#xfffd;");
  EXPECT_EQ(XmlEscaped("\uFFFF"), "&#xfffd;");
}

TEST(AppendJsonEscapedTest, EscapesOnlyWhatMustBe) {
  EXPECT_EQ(JsonEscaped("\u00b0 / '<&>' \U0001F600"), "\u00b0 / '<&>' \U0001F600");
  EXPECT_EQ(JsonEscaped("\"\\\r\n\t\x01\x1F"), "\\\"\\\\\\r\\n\\t\\u0001\\u001f");
  EXPECT_EQ(JsonEscaped("a\xB0"), "a\uFFFD");
}

}  // namespace
}  // namespace fieldgate::tixml
