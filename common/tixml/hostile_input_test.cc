// Input that is made to cost: it must be refused for the right reason, or
// accepted where it is within the limits, and take about as long as ordinary
// input of its size.
#include <cstdio>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/testing/cpu_time.h"
#include "common/tixml/codec.h"
#include "gtest/gtest.h"

namespace fieldgate::tixml {
namespace {

using absl::StatusCode;

std::string Repeat(absl::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) absl::StrAppend(&out, text);
  return out;
}

std::string Fill(absl::string_view text) {
  return Repeat(text, static_cast<int>((kMaxBytes - 1024) / text.size()));
}

// Calls `append` with 0, 1, 2... until the text is nearly as large as allowed.
std::string FillWith(const std::function<std::string(int)>& make) {
  std::string out;
  for (int i = 0;; ++i) {
    const std::string part = make(i);
    if (out.size() + part.size() > kMaxBytes - 1024) return out;
    out += part;
  }
}

// Blocks that have one value under the string hash that Xerces uses (times
// 38, plus the character): all names made of them collide.
std::string CollidingName(int n) {
  std::string name;
  for (int bit = 0; bit < 13; ++bit) name += (n >> bit & 1) != 0 ? "bT" : "az";
  return name;
}

struct Case {
  const char* name;
  std::string text;
  StatusCode expected;
};

std::vector<Case> Cases() {
  const std::string nested = Repeat("<a>", 60'000);
  std::string attributes = "<a";
  for (int i = 0; i < 20'000; ++i) absl::StrAppend(&attributes, " a", i, "=''");
  std::string json_attributes = "{\"a\":{\"-x\":1";
  for (int i = 0; i < 15'000; ++i) absl::StrAppend(&json_attributes, ",\"-", i, "\":1");
  return {
      {"too many bytes", std::string(kMaxBytes + 1, ' '), StatusCode::kResourceExhausted},
      {"spaces only", std::string(kMaxBytes, ' '), StatusCode::kInvalidArgument},
      {"zero bytes", std::string(kMaxBytes, '\0'), StatusCode::kInvalidArgument},
      {"deep elements", nested, StatusCode::kResourceExhausted},
      {"deep JSON objects", Fill("{\"a\":"), StatusCode::kResourceExhausted},
      {"deep JSON arrays", Fill("["), StatusCode::kResourceExhausted},
      {"deep JSON arrays of one member", "{\"a\":" + Fill("["), StatusCode::kResourceExhausted},
      {"20,000 attributes", attributes + "/>", StatusCode::kResourceExhausted},
      {"15,000 JSON attributes", json_attributes + "}}", StatusCode::kResourceExhausted},
      {"many elements", Fill("<a/>"), StatusCode::kResourceExhausted},
      {"many JSON nulls", "{\"a\":[" + Fill("null,") + "1]}", StatusCode::kResourceExhausted},
      {"many JSON numbers", "{\"a\":[" + Fill("1,") + "1]}", StatusCode::kResourceExhausted},
      {"many JSON members",
       "{" + FillWith([](int i) { return absl::StrCat("\"", i, "\":1,"); }) + "\"x\":1}",
       StatusCode::kResourceExhausted},
      {"external entity", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a>&x;</a>",
       StatusCode::kInvalidArgument},
      {"billion laughs",
       "<!DOCTYPE a [<!ENTITY b 'b'><!ENTITY c '&b;&b;'><!ENTITY d '&c;&c;'>]><a>&d;</a>",
       StatusCode::kInvalidArgument},
      {"unclosed comments", Fill("<!--"), StatusCode::kInvalidArgument},
      {"unclosed quote", "<a b='" + Fill("x="), StatusCode::kInvalidArgument},
      {"unclosed CDATA", Fill("<![CDATA["), StatusCode::kInvalidArgument},
      {"unclosed instruction", Fill("<?"), StatusCode::kInvalidArgument},
      {"unclosed tags", Fill("<"), StatusCode::kInvalidArgument},
      {"end tags", Fill("</a>"), StatusCode::kInvalidArgument},
      {"open frames", Fill("["), StatusCode::kResourceExhausted},
      {"frames in an element", "<a>" + Fill("[") + "<b/></a>", StatusCode::kOk},
      {"frames around elements", Fill("[<a/>]").substr(0, 6 * 20'000), StatusCode::kOk},
      {"comments", Fill("<!---->") + "<a/>", StatusCode::kOk},
      {"a long comment", "<!--" + Fill("-") + "--><a/>", StatusCode::kOk},
      {"CDATA sections", "<a>" + Fill("<![CDATA[]]>") + "</a>", StatusCode::kOk},
      {"instructions", Fill("<?a?>") + "<a/>", StatusCode::kOk},
      {"a long value", "<a _='" + Fill("x") + "'/>", StatusCode::kOk},
      {"entities", "<a _='" + Fill("&#x1F600;") + "'/>", StatusCode::kOk},
      {"predefined entities", "<a>" + Fill("&lt;") + "</a>", StatusCode::kOk},
      {"a long name", "<" + Fill("a") + "/>", StatusCode::kOk},
      {"a long end tag", "<a></" + Fill("a") + ">", StatusCode::kInvalidArgument},
      {"a long text", "<a>" + Fill("a ") + "</a>", StatusCode::kOk},
      {"text in pieces", "<a>" + Repeat("x<b/>", 19'000) + "</a>", StatusCode::kOk},
      {"20,000 elements", Repeat("<a _='1'/>", 20'000), StatusCode::kOk},
      {"different names", FillWith([](int i) { return absl::StrCat("<a", i, " _='1'/>"); }),
       StatusCode::kOk},
      {"names of one hash", FillWith([](int i) { return "<" + CollidingName(i) + "/>"; }),
       StatusCode::kOk},
      {"attributes of one hash", FillWith([](int i) {
         return "<a " + CollidingName(2 * i) + "='' " + CollidingName(2 * i + 1) + "=''/>";
       }),
       StatusCode::kOk},
      {"64 attributes each", Fill([] {
         std::string element = "<a";
         for (int i = 0; i < 64; ++i) absl::StrAppend(&element, " a", i, "=''");
         return element + "/>";
       }()),
       StatusCode::kOk},
      {"an attribute twice, far apart",
       [] {
         std::string element = "<a x=''";
         for (int i = 0; i < 62; ++i) absl::StrAppend(&element, " a", i, "=''");
         return element + " x=''/>";
       }(),
       StatusCode::kInvalidArgument},
      {"JSON members",
       "{" + FillWith([](int i) { return absl::StrCat("\"abcdefg", i, "\":1,"); }) + "\"x\":1}",
       StatusCode::kOk},
      {"a JSON string", "{\"a\":\"" + Fill("\\u00b0") + "\"}", StatusCode::kOk},
      {"a JSON number", "{\"a\":" + Fill("1") + "}", StatusCode::kOk},
      {"a JSON fraction", "{\"a\":0." + Fill("1") + "}", StatusCode::kOk},
      {"a JSON exponent", "{\"a\":1e" + Fill("1") + "}", StatusCode::kInvalidArgument},
      {"a bad byte at the end", "<a>" + Fill("x") + "\xFF</a>", StatusCode::kInvalidArgument},
      {"line ends", "<a>" + Fill("\r\n") + "</b>", StatusCode::kInvalidArgument},
  };
}

// A message as large as may be, as there are many.
std::string Ordinary() {
  return "{" + FillWith([](int i) {
           return absl::StrCat("<DP", i, " _='/Process/Bus1/D", i / 50, "/DP", i,
                               "' meta_type='temperature'/>");
         }) +
         "}";
}

TEST(HostileInputTest, IsRefusedOrReadForTheRightReasonAtTheUsualCost) {
  constexpr int kMost = 8;  // most is for elements, of which ordinary ones are long
  const std::string ordinary = Ordinary();
  const absl::Duration usual = CpuTimeOf([&] { EXPECT_TRUE(Parse(ordinary).ok()); });
  for (const Case& c : Cases()) {
    absl::Status status;
    const absl::Duration took = CpuTimeOf([&] { status = Parse(c.text).status(); }, kMost * usual);
    std::printf("%-32s %7zu bytes %8.2f ms, %5.2f times the usual\n", c.name, c.text.size(),
                absl::ToDoubleMilliseconds(took), absl::FDivDuration(took, usual));
    EXPECT_EQ(status.code(), c.expected) << c.name << ": " << status;
    EXPECT_LT(status.message().size(), 1000u) << c.name;
    EXPECT_LT(took, kMost * usual) << c.name;
  }
}

TEST(LimitTest, DepthOf64IsReadAnd65Refused) {
  const auto nest = [](int depth) { return Repeat("<a>", depth) + Repeat("</a>", depth); };
  EXPECT_TRUE(Parse(nest(64)).ok());
  EXPECT_EQ(Parse(nest(65)).status().code(), StatusCode::kResourceExhausted);
  const auto objects = [](int depth) {
    return "{" + Repeat("\"a\":[{", depth) + Repeat("}]", depth) + "}";
  };
  EXPECT_TRUE(Parse(objects(64)).ok()) << Parse(objects(64)).status();
  EXPECT_EQ(Parse(objects(65)).status().code(), StatusCode::kResourceExhausted);
}

TEST(LimitTest, TwentyThousandNodesAreReadAndOneMoreRefused) {
  EXPECT_TRUE(Parse(Repeat("<a/>", 20'000)).ok());
  EXPECT_EQ(Parse(Repeat("<a/>", 20'001)).status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(Parse("{\"a\":[" + Repeat("{},", 19'999) + "1]}").ok());
  EXPECT_EQ(Parse("{\"a\":[" + Repeat("{},", 20'000) + "1]}").status().code(),
            StatusCode::kResourceExhausted);
}

TEST(LimitTest, SixtyFourAttributesAreReadAndOneMoreRefused) {
  const auto element = [](int attributes) {
    std::string out = "<a";
    for (int i = 0; i < attributes; ++i) absl::StrAppend(&out, " a", i, " = \"=\"");
    return out + "/>";
  };
  EXPECT_TRUE(Parse(element(64)).ok());
  EXPECT_EQ(Parse(element(65)).status().code(), StatusCode::kResourceExhausted);
  const auto object = [](int attributes) {
    std::string out = "{\"a\":{\"b\":1";
    for (int i = 0; i < attributes; ++i) absl::StrAppend(&out, ",\"-", i, "\":1");
    return out + "}}";
  };
  EXPECT_TRUE(Parse(object(64)).ok());
  EXPECT_EQ(Parse(object(65)).status().code(), StatusCode::kResourceExhausted);
}

TEST(LimitTest, AMessageOfTheLargestSizeIsReadAndOneByteMoreRefused) {
  EXPECT_TRUE(Parse("<a/>" + std::string(kMaxBytes - 4, ' ')).ok());
  EXPECT_EQ(Parse("<a/>" + std::string(kMaxBytes - 3, ' ')).status().code(),
            StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace fieldgate::tixml
