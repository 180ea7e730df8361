#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::tixml {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Node Element(absl::string_view name, std::vector<Attribute> attributes = {},
             std::vector<Node> children = {}, std::string text = {}) {
  Node node;
  node.name = std::string(name);
  node.attributes = std::move(attributes);
  node.children = std::move(children);
  node.text = std::move(text);
  return node;
}

std::vector<Node> NodesOf(absl::string_view text) {
  const absl::StatusOr<Document> document = Parse(text);
  EXPECT_TRUE(document.ok()) << text << "\n" << document.status();
  return document.ok() ? document->nodes : std::vector<Node>();
}

Format FormatOf(absl::string_view text, const std::vector<absl::string_view>& roots = {}) {
  const absl::StatusOr<Document> document = Parse(text, roots);
  EXPECT_TRUE(document.ok()) << text << "\n" << document.status();
  return document.ok() ? document->format : Format::kTiXml;
}

std::string ErrorOf(absl::string_view text,
                    absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
  const absl::StatusOr<Document> document = Parse(text);
  EXPECT_EQ(document.status().code(), code) << text.substr(0, 200) << "\n" << document.status();
  return std::string(document.status().message());
}

TEST(ParseTiXmlTest, ReadsTheElementsBetweenTheBraces) {
  EXPECT_THAT(NodesOf("{\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<error_code _=\"0\"/>\n"
                      "<response_id _='x_1' />\n}"),
              ElementsAre(ValueNode("error_code", "0"), ValueNode("response_id", "x_1")));
}

TEST(ParseTiXmlTest, ReadsElementsWithoutBracesAndDeclaration) {
  EXPECT_THAT(NodesOf("<a/><b/>"), ElementsAre(Element("a"), Element("b")));
}

TEST(ParseTiXmlTest, ReadsCommandsInAFrame) {
  EXPECT_THAT(NodesOf("[<Get _=\"/Process/\"/>]"), ElementsAre(ValueNode("Get", "/Process/")));
  EXPECT_THAT(NodesOf("{ [<a/>] }"), ElementsAre(Element("a")));
  EXPECT_THAT(NodesOf("[<a/>\n][ <b/> ]"), ElementsAre(Element("a"), Element("b")));
}

TEST(ParseTiXmlTest, ReadsAFrameInsideAnElement) {
  EXPECT_THAT(NodesOf("{<cmd> [<!-- why --><Get/>]\n</cmd>}"),
              ElementsAre(Element("cmd", {}, {Element("Get")})));
}

TEST(ParseTiXmlTest, KeepsBracketsThatAreText) {
  EXPECT_THAT(NodesOf("<a>[]</a>"), ElementsAre(Element("a", {}, {}, "[]")));
  EXPECT_THAT(NodesOf("<a>[1]<b/></a>"), ElementsAre(Element("a", {}, {Element("b")}, "[1]")));
  EXPECT_THAT(NodesOf("<a>&#x5b;<b/>&#x5d;</a>"),
              ElementsAre(Element("a", {}, {Element("b")}, "[ ]")));
}

TEST(ParseTiXmlTest, RefusesABracketWithoutItsPartner) {
  EXPECT_THAT(ErrorOf("[<a/>"), HasSubstr("text outside an element: '['"));
  EXPECT_THAT(ErrorOf("<a/>]"), HasSubstr("text outside an element: ']'"));
}

TEST(ParseTiXmlTest, SkipsByteOrderMarkAndCarriageReturns) {
  EXPECT_THAT(NodesOf("\xEF\xBB\xBF{\r\n<a>\r\n x\r\n</a>\r\n}\r\n"),
              ElementsAre(Element("a", {}, {}, "x")));
}

TEST(ParseTiXmlTest, SkipsCommentsEvenWithDashesInside) {
  EXPECT_THAT(NodesOf("<!---- a ----><!--------- b --------><a><!-- - -- --- <b/> --></a><!---->"),
              ElementsAre(Element("a")));
  EXPECT_THAT(NodesOf("<a>fo<!-- -- -->o</a>"), ElementsAre(Element("a", {}, {}, "foo")));
}

TEST(ParseTiXmlTest, KeepsWhatOnlyLooksLikeMarkup) {
  EXPECT_THAT(NodesOf("<a _='[ &lt;!-- > -->'><![CDATA[ [<b/>] <!-- -->]]></a>"),
              ElementsAre(Element("a", {{"_", "[ <!-- > -->"}}, {}, "[<b/>] <!-- -->")));
}

TEST(ParseTiXmlTest, ResolvesPredefinedAndNumericEntities) {
  EXPECT_THAT(NodesOf("<a _='&lt;&gt;&amp;&quot;&apos;&#xb0;&#8364;&#x1F600;&#xd;&#xa;&#9;'/>"),
              ElementsAre(ValueNode("a", "<>&\"'\u00b0\u20ac\U0001F600\r\n\t")));
}

TEST(ParseTiXmlTest, JoinsMixedText) {
  EXPECT_THAT(NodesOf("<a> one\n<b/> two </a>"),
              ElementsAre(Element("a", {}, {Element("b")}, "one two")));
}

TEST(ParseTiXmlTest, GivesTheLineOfEachStartTag) {
  const std::vector<Node> nodes =
      NodesOf("{\r\n<?xml version='1.0'?>\n<!-- \n -->\n<a\n  _='1'\n><b/>\n<c/></a>\n}");
  ASSERT_EQ(nodes.size(), 1u);
  EXPECT_EQ(nodes[0].line, 5);
  EXPECT_EQ(nodes[0].children[0].line, 7);
  EXPECT_EQ(nodes[0].children[1].line, 8);
}

TEST(ParseTiXmlTest, KeepsOrderOfElementsAndAttributes) {
  EXPECT_THAT(
      NodesOf("<b z='1' _='2' a='3'/><a/><b/>"),
      ElementsAre(Element("b", {{"z", "1"}, {"_", "2"}, {"a", "3"}}), Element("a"), Element("b")));
}

TEST(ParseTiXmlTest, KeepsLettersOfNamesOutsideAscii) {
  EXPECT_THAT(NodesOf("<Au\u00dfentemperatur w\u00e4rme='1'/>"),
              ElementsAre(Element("Au\u00dfentemperatur", {{"w\u00e4rme", "1"}})));
}

TEST(ParseTiXmlTest, AcceptsUsAsciiAndAnyCaseOfUtf8) {
  EXPECT_THAT(NodesOf("<?xml version='1.0' encoding='US-ASCII'?><a/>"), ElementsAre(Element("a")));
  EXPECT_THAT(NodesOf("{<?xml version='1.0' encoding=\"utf-8\"?><a/>}"), ElementsAre(Element("a")));
}

TEST(ParseTiXmlTest, RefusesOtherEncodingsByName) {
  EXPECT_EQ(ErrorOf("{\n<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>}"),
            "line 2, column 1: encoding 'ISO-8859-1' is not supported; send UTF-8 or US-ASCII");
}

TEST(ParseTiXmlTest, RefusesADeclarationThatIsNotFirst) {
  EXPECT_THAT(ErrorOf("<a/><?xml version='1.0'?>"), HasSubstr("must come first"));
}

TEST(ParseTiXmlTest, ErrorsNameLineAndColumn) {
  EXPECT_EQ(ErrorOf("{\n<a>\n  <b></a>\n}"),
            "line 3, column 6: expected </b> for the element of line 3");
  EXPECT_EQ(ErrorOf("{\n<!-- x -->\n  <a _=1/>}").substr(0, 17), "line 3, column 8:");
}

TEST(ParseTiXmlTest, ErrorsAreOneLineWithoutControlCharacters) {
  EXPECT_THAT(ErrorOf(absl::StrCat("<a\x1b[2J", std::string(1, '\0'), "/>")),
              HasSubstr("got 'a?[2J?'"));
  EXPECT_THAT(ErrorOf("a\nb"), HasSubstr("line 1, column 1"));
}

TEST(ParseTiXmlTest, RefusesWhatIsNotWellFormed) {
  for (const char* text : {"<a",
                           "<a>",
                           "</a>",
                           "<a></b>",
                           "<a _='1>",
                           "<a _=1/>",
                           "<a _/>",
                           "<a b='1' b='2'/>",
                           "<a>&b;</a>",
                           "<a>&</a>",
                           "<a _='<'/>",
                           "<1/>",
                           "< a/>",
                           "<a/>x",
                           "{<a/>",
                           "<a/>}",
                           "<!-- <a/>",
                           "<![CDATA[ <a/>",
                           "<a><![CDATA[ </a>",
                           "<a>&#0;</a>",
                           "<a>&#x1;</a>",
                           "<a>&#xD800;</a>",
                           "<a>&#xFFFE;</a>",
                           "<a>\x01</a>",
                           "<?xml <a/>",
                           "<a>]]></a>",
                           "<request_id _=\u201dgenerated string\u201c/>",
                           "<$sensor_id_1 _='1'/>",
                           "</_><_>",
                           "<a/></_>",
                           "<a/></_><a/>",
                           "<_></_></_>",
                           "<![CDATA[x]]>",
                           "<>",
                           "<",
                           "<a b='1'c='2'/>"}) {
    ErrorOf(text);
  }
}

TEST(ParseTiXmlTest, RefusesADtd) {
  EXPECT_THAT(ErrorOf("{<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>}"), HasSubstr("DTD"));
  EXPECT_THAT(ErrorOf("<a/><!ENTITY b 'c'>"), HasSubstr("DTD"));
}

TEST(ParseTiXmlTest, SaysWhatIsNotClosed) {
  EXPECT_EQ(ErrorOf("{<a>\n<b/>\n}"), "line 3, column 1: expected </a> for the element of line 1");
  EXPECT_EQ(ErrorOf("<a/></a>"), "line 1, column 5: no element is open for the end tag 'a'");
}

TEST(ParseTiXmlTest, RefusesANameThatCouldNotBeWrittenAgain) {
  EXPECT_THAT(ErrorOf("<a b\u0e01='1'/>"), HasSubstr("expected an attribute's name"));
  EXPECT_THAT(ErrorOf("<a\u0e01/>"), HasSubstr("expected an element's name"));
}

TEST(ParseUtf8Test, RefusesWhatIsNotUtf8) {
  for (const char* bytes : {"\x80", "\xC0\xAF", "\xC1\x81", "\xE0\x80\xAF", "\xED\xA0\x80",
                            "\xF0\x80\x80\xAF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
                            "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3(", "\xB0"}) {
    EXPECT_THAT(ErrorOf(std::string("{\n<a _='") + bytes + "'/>}"),
                HasSubstr("line 2, column 7: not valid UTF-8"));
    EXPECT_THAT(ErrorOf(std::string("{\n\"a\":\"") + bytes + "\"}"), HasSubstr("not valid UTF-8"));
  }
}

TEST(DetectTest, TellsTheFormatsApart) {
  EXPECT_EQ(FormatOf("{<a/>}"), Format::kTiXml);
  EXPECT_EQ(FormatOf(" \r\n{ \t\n<a/>}"), Format::kTiXml);
  EXPECT_EQ(FormatOf("[<a/>]"), Format::kTiXml);
  EXPECT_EQ(FormatOf("<a/>"), Format::kTiXml);
  EXPECT_EQ(FormatOf("{<?xml version='1.0'?><a/>}"), Format::kTiXml);
  EXPECT_EQ(FormatOf("<?xml version='1.0'?><a/><b/>"), Format::kTiXml);
  EXPECT_EQ(FormatOf("<?xml version='1.0'?><a/>"), Format::kXml);
  EXPECT_EQ(FormatOf("<cmd><a/></cmd>", {"cmd"}), Format::kXml);
  EXPECT_EQ(FormatOf("{}"), Format::kJson);
  EXPECT_EQ(FormatOf("\xEF\xBB\xBF { \"a\": 1}"), Format::kJson);
  EXPECT_EQ(FormatOf("[ {\"a\": 1}]"), Format::kJson);
}

TEST(DetectTest, RefusesWhatIsNeither) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("empty"));
  EXPECT_THAT(ErrorOf(" \n"), HasSubstr("empty"));
  EXPECT_THAT(ErrorOf("hello"), HasSubstr("line 1, column 1: expected TiXML or JSON"));
  EXPECT_THAT(ErrorOf("{\n//--- optional\n}"), HasSubstr("line 2, column 1: expected an element"));
  EXPECT_THAT(ErrorOf("{"), HasSubstr("expected an element"));
}

TEST(ParseTest, ThreadsParseAtTheSameTime) {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        const absl::StatusOr<Document> xml = Parse("{<a _='1'><b/></a>}");
        const absl::StatusOr<Document> json = Parse(R"({"a": {"-_": "1", "b": null}})");
        if (!xml.ok() || !json.ok() || xml->nodes != json->nodes) ++wrong;
        if (Parse("{<a></b>}").ok()) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ParseXmlTest, LooksThroughAKnownRootOnly) {
  const absl::StatusOr<Document> through = Parse("<config><Set/></config>", {"cmd", "config"});
  ASSERT_TRUE(through.ok());
  EXPECT_THAT(through->nodes, ElementsAre(Element("Set")));
  const absl::StatusOr<Document> other = Parse("<other><Set/></other>", {"cmd"});
  ASSERT_TRUE(other.ok());
  EXPECT_THAT(other->nodes, ElementsAre(Element("other", {}, {Element("Set")})));
  const absl::StatusOr<Document> braces = Parse("{<cmd><Set/></cmd>}", {"cmd"});
  ASSERT_TRUE(braces.ok());
  EXPECT_THAT(braces->nodes, ElementsAre(Element("cmd", {}, {Element("Set")})));
}

TEST(ParseJsonTest, MapsAttributesTextChildrenAndNull) {
  EXPECT_THAT(
      NodesOf(R"({"a": {"-_": "1", "-ver": "y", "#text": " t ", "b": null, "c": {}}})"),
      ElementsAre(Element("a", {{"_", "1"}, {"ver", "y"}}, {Element("b"), Element("c")}, "t")));
}

TEST(ParseJsonTest, APlainMemberIsAValue) {
  EXPECT_THAT(NodesOf(R"({"error_code": 0, "url": "u", "on": true, "off": false, "e": ""})"),
              ElementsAre(ValueNode("error_code", "0"), ValueNode("url", "u"),
                          ValueNode("on", "true"), ValueNode("off", "false"), ValueNode("e", "")));
}

TEST(ParseJsonTest, ArraysAreRepeatedSiblingsInOrder) {
  EXPECT_THAT(NodesOf(R"({"a": [1, {"-x": "2"}, null, [3, [4]]], "b": []})"),
              ElementsAre(ValueNode("a", "1"), Element("a", {{"x", "2"}}), Element("a"),
                          ValueNode("a", "3"), ValueNode("a", "4")));
  EXPECT_THAT(NodesOf(R"([{"a": 1}, {"a": 2, "b": null}])"),
              ElementsAre(ValueNode("a", "1"), ValueNode("a", "2"), Element("b")));
}

TEST(ParseJsonTest, NumbersKeepTheirText) {
  EXPECT_THAT(
      NodesOf(R"({"a": [-5, 1498724247, 18446744073709551615, 123456789012345678901234567890,
                        1.12, 0.10, 1e3, -0.5, 9007199254740993]})"),
      ElementsAre(ValueNode("a", "-5"), ValueNode("a", "1498724247"),
                  ValueNode("a", "18446744073709551615"),
                  ValueNode("a", "123456789012345678901234567890"), ValueNode("a", "1.12"),
                  ValueNode("a", "0.1"), ValueNode("a", "1000"), ValueNode("a", "-0.5"),
                  ValueNode("a", "9007199254740993")));
}

TEST(ParseJsonTest, ResolvesEscapes) {
  EXPECT_THAT(NodesOf(R"({"a\u0062": "\"\\\/\n\r\t\u00b0\ud83d\ude00"})"),
              ElementsAre(ValueNode("ab", "\"\\/\n\r\t\u00b0\U0001F600")));
}

TEST(ParseJsonTest, KeepsNamesThatXmlCannotHave) {
  EXPECT_THAT(NodesOf(R"({"1 \u00b0": null})"), ElementsAre(Element("1 \u00b0")));
}

TEST(ParseJsonTest, AMemberTwiceIsNamed) {
  EXPECT_EQ(ErrorOf("{\"a\": {\"b\": 1,\n \"b\": 2}}"),
            "line 2, column 4: the member 'b' is there twice; use an array");
}

TEST(ParseJsonTest, RefusesWhatIsNotJson) {
  for (const char* text : {"{\"a\"",
                           "{\"a\":}",
                           "{\"a\":1",
                           "{\"a\":1,}",
                           "{\"a\":1} x",
                           "{\"a\":1}{}",
                           "{\"a\":01}",
                           "{\"a\":+1}",
                           "{\"a\":.5}",
                           "{\"a\":NaN}",
                           "{\"a\":1e999}",
                           "{\"a\":\"\t\"}",
                           "{\"a\":\"\\x\"}",
                           "{\"a\":\"\\ud800\"}",
                           "{\"a\":\"\\ude00\\ud83d\"}",
                           "{\"a\":tru}",
                           "{\"a\":1} // x",
                           "{\"a\":1 /* x */}",
                           "{\"a\":'x'}",
                           "[1]",
                           "[\"a\"]",
                           "[null]",
                           "[",
                           "[{}",
                           "{\"a\":[1,]}",
                           "{\"a\" 1}"}) {
    ErrorOf(text);
  }
}

TEST(ParseJsonTest, RefusesWhatTiXmlCannotHold) {
  EXPECT_THAT(ErrorOf(R"({"a": "\u0000"})"), HasSubstr("U+0000"));
  EXPECT_THAT(ErrorOf(R"({"a": "\uffff"})"), HasSubstr("U+ffff"));
  EXPECT_THAT(ErrorOf(R"({"a": {"-b": {}}})"), HasSubstr("'-b' must be a string"));
  EXPECT_THAT(ErrorOf(R"({"a": {"-b": [1]}})"), HasSubstr("'-b' must be a string"));
  EXPECT_THAT(ErrorOf(R"({"a": {"#text": {"b": 1}}})"), HasSubstr("'#text' must be a string"));
  EXPECT_THAT(ErrorOf(R"({"-_": "1"})"), HasSubstr("belongs to an element"));
  EXPECT_THAT(ErrorOf(R"({"a": {"-": "1"}})"), HasSubstr("name"));
}

TEST(ParseJsonTest, ErrorsNameLineAndColumn) {
  EXPECT_EQ(ErrorOf("{\n\"a\": 1,\n  x}").substr(0, 17), "line 3, column 3:");
}

}  // namespace
}  // namespace fieldgate::tixml
