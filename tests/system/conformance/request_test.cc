// Manual 1.2, 3, 4, 5: how a request may be written, and what is none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/system/conformance/bodies.h"
#include "tests/system/conformance/conversation.h"
#include "tests/system/conformance/requirement.h"

namespace fieldgate::system_test {
namespace {

constexpr size_t kMaxBytes = 256 * 1024;

std::string SetScratch(absl::string_view value) {
  return absl::StrCat("<Set _=\"/Process/PV/Scratch\" value=\"", value, "\"/>");
}

class RequestTest : public SharedConversation<testing::Test> {
 protected:
  std::string Scratch() { return gateway().ValueOf("/Process/PV/Scratch"); }
};

// --- Whatever a portal may write ---------------------------------------------------

struct Form {
  const char* what;
  std::string body;  // $ is the request_id
  Wire answered;     // a reply has the format of its request
};

const Form kForms[] = {
    {"TiXML as the manual has it, with blanks before the end of a tag",
     "{ \n\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?> \n<request_id _=\"$\" /> \n"
     "<serial_number _=\"01234567\" /> \n\n<cmd> \n  <Get _=\"/Process/PV/Text\" /> \n</cmd> \n\n} "
     "\n",
     Wire::kTiXml},
    {"TiXML without the XML declaration",
     "{<request_id _=\"$\"/><serial_number _=\"01234567\"/><cmd><Get "
     "_=\"/Process/PV/Text\"/></cmd>}",
     Wire::kTiXml},
    {"TiXML without the braces",
     "<request_id _=\"$\"/>\n<serial_number _=\"01234567\"/>\n"
     "<cmd><Get _=\"/Process/PV/Text\"/></cmd>",
     Wire::kTiXml},
    {"TiXML with the command frame [ ]",
     "{<request_id _=\"$\"/><serial_number _=\"01234567\"/>"
     "<cmd>[<Get _=\"/Process/PV/Text\"/>]</cmd>}",
     Wire::kTiXml},
    {"TiXML with the manual's comments, which no XML parser takes",
     "{<!--------- Start of optional area -------->\n<request_id _=\"$\"/>\n"
     "<serial_number _=\"01234567\"/>\n<cmd>\n<!-- Here comes the TiXML command...\n"
     "     Example: SetConfig of AccRights Database\n-->\n<Get _=\"/Process/PV/Text\"/>\n</cmd>\n"
     "<!---------- End of optional area --------->\n}",
     Wire::kTiXml},
    {"TiXML with CRLF and a byte order mark",
     "\xEF\xBB\xBF{\r\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\r\n<request_id _=\"$\"/>\r\n"
     "<serial_number _=\"01234567\"/>\r\n<cmd>\r\n<Get _=\"/Process/PV/Text\"/>\r\n</cmd>\r\n}",
     Wire::kTiXml},
    {"TiXML in another order",
     "{<cmd><Get _=\"/Process/PV/Text\"/></cmd><serial_number _=\"01234567\"/><request_id "
     "_=\"$\"/>}",
     Wire::kTiXml},
    {"TiXML with numeric entities",
     "{<request_id _=\"$\"/><serial_number _=\"&#x30;1234567\"/>"
     "<cmd><Get _=\"/Process/PV/T&#101;xt\"/></cmd>}",
     Wire::kTiXml},
    {"XML with a root of its own",
     "<?xml version=\"1.0\"?><anything><request_id _=\"$\"/><serial_number _=\"01234567\"/>"
     "<cmd><Get _=\"/Process/PV/Text\"/></cmd></anything>",
     Wire::kXml},
    {"JSON with unknown members, in another order",
     R"({"cmd": {"Get": {"-_": "/Process/PV/Text"}}, "sent_by": {"name": "x", "n": [1, 2]},
         "serial_number": "01234567", "request_id": "$"})",
     Wire::kJson},
    {"JSON with escapes",
     R"({"request_id": "$", "serial_number": "\u00301234567",
         "cmd": {"Get": {"-_": "\/Process\/PV\/Te\u0078t"}}})",
     Wire::kJson},
    {"JSON with commands in arrays in an array",
     R"({"request_id": "$", "serial_number": "01234567",
         "cmd": [{"Get": [{"-_": "/Process/PV/Text"}]}]})",
     Wire::kJson},
    {"JSON with TiXML in a text",
     R"({"request_id": "$", "serial_number": "01234567",
         "cmd": "[<Get _=\"/Process/PV/Text\"/>]"})",
     Wire::kJson},
};

TEST_F(RequestTest, EachWayToWriteItIsTakenAndAnsweredInItsFormat) {
  int number = 0;
  for (const Form& form : kForms) {
    const Requirement requirement("1.2 cmd " + Name(form.answered), form.what);
    const std::string id = absl::StrCat("form-", ++number);
    gateway().Publish("cmd", absl::StrReplaceAll(form.body, {{"$", id}}));
    EXPECT_THAT(
        gateway().Answer("cmd", id),
        IsBody(form.answered, ResultBody(form.answered, "cmd", 0, id,
                                         {R"(<Get _="hello"/>)", R"({"Get": {"-_": "hello"}})"})));
  }
}

TEST_F(RequestTest, JsonNumbersAndBooleansAreTexts) {
  const Requirement requirement("1.2 cmd JSON", "numbers and booleans stand where TiXML has text");
  // A variable shows true as 1.
  const std::string value = R"({"Set": {"-_": "/Process/PV/Scratch", "-value": $}})";
  for (const auto& [json, text] : {std::pair("12.50", "12.5"), {"true", "1"}, {"0", "0"}}) {
    const std::string id = absl::StrCat("number-", text);
    gateway().Ask("cmd", Wire::kJson, id, {"", absl::StrReplaceAll(value, {{"$", json}})});
    EXPECT_EQ(Scratch(), text);
  }
}

// --- Whom it is for ------------------------------------------------------------------

class AddressTest
    : public SharedConversation<testing::TestWithParam<std::tuple<const char*, Wire>>> {
 protected:
  std::string kind() const { return std::get<0>(GetParam()); }
  Wire wire() const { return std::get<1>(GetParam()); }
  std::string where() const {
    const char* section = kind() == "config" ? "3 " : kind() == "cmd" ? "4 " : "5 ";
    return section + kind() + " " + Name(wire());
  }
  Statement content() const {
    if (kind() == "state") return {"SerialNo", ""};
    return {SetScratch("9"),
            kind() == "config" ? "" : R"({"Set": {"-_": "/Process/PV/Scratch", "-value": "9"}})"};
  }
  std::string Send(std::optional<std::string> id, std::optional<std::string> serial) {
    const size_t before = gateway().Answers(kind(), id.value_or("")).size();
    gateway().Publish(kind(), RequestBody(wire(), {kind(), id, serial, content()}));
    return gateway().Answer(kind(), id.value_or(""), before + 1);
  }
  static Statement Error(int number) {
    return {absl::StrCat("<Error><ErrNo _=\"", number, "\"/>{more}</Error>"),
            absl::StrCat(R"({"Error": {"ErrNo": {"-_": ")", number, R"("},{more}}})")};
  }
  std::string Id(const std::string& name) const { return absl::StrCat(name, "-", Name(wire())); }
};

TEST_P(AddressTest, ASerialNumberThatIsNotOursOrMissing) {
  {
    const Requirement requirement(where(), "wrong serial_number -> 404, nothing executed");
    EXPECT_THAT(Send(Id("foreign"), "76543210"),
                IsBody(wire(), ResultBody(wire(), kind(), 404, Id("foreign"), Error(-2190))));
  }
  {
    const Requirement requirement(where(), "no serial_number -> 500, nothing executed");
    EXPECT_THAT(Send(Id("missing"), std::nullopt),
                IsBody(wire(), ResultBody(wire(), kind(), 500, Id("missing"), Error(-2101))));
  }
  EXPECT_EQ(gateway().ValueOf("/Process/PV/Scratch"), "0");
}

TEST_P(AddressTest, WithoutARequestIdTheAnswerHasAnEmptyOne) {
  const Requirement requirement(where(), "no request_id -> answered with an empty response_id");
  const Statement answer =
      kind() == "state" ? Statement{R"(<Get _="01234567"/>)", R"({"Get": {"-_": "01234567"}})"}
                        : Statement{"<Set/>", R"({"Set": null})"};
  EXPECT_THAT(Send(std::nullopt, kSerialNumber),
              IsBody(wire(), ResultBody(wire(), kind(), 0, "", answer)));
  gateway().Ask("cmd", Wire::kTiXml, "reset-" + kind() + Name(wire()), {SetScratch("0"), ""});
}

TEST_P(AddressTest, WhatCannotBeReadIsAnsweredOnItsTopic) {
  const std::string begin = wire() == Wire::kJson ? R"({"request_id": "x", )"
                            : wire() == Wire::kXml
                                ? R"(<?xml version="1.0"?><a><request_id _="x"/>)"
                                : R"({<request_id _="x"/>)";
  for (const auto& [error_code, what, body] :
       {std::tuple(413, "256 KiB and a byte -> 413",
                   begin + std::string(kMaxBytes + 1 - begin.size(), ' ')),
        std::tuple(500, "a message that breaks off -> 500", begin)}) {
    const Requirement requirement(where(), what);
    const size_t before = gateway().Answers(kind(), "x").size();
    gateway().Publish(kind(), body);
    const Statement error = Error(error_code == 413 ? -2102 : -2101);
    EXPECT_THAT(gateway().Answer(kind(), "x", before + 1),
                IsBody(wire(), ResultBody(wire(), kind(), error_code, "x", error)));
  }
}

INSTANTIATE_TEST_SUITE_P(Topics, AddressTest,
                         testing::Combine(testing::Values("config", "cmd", "state"),
                                          testing::ValuesIn(kWires)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) +
                                  Name(std::get<1>(info.param));
                         });

// --- What is too much or no request ---------------------------------------------------

// A TiXML request to set Scratch, with something after the command.
std::string Tixml(const std::string& id, absl::string_view more = "") {
  return absl::StrCat("{<request_id _=\"", id, "\"/><serial_number _=\"01234567\"/><cmd>",
                      SetScratch("1"), more, "</cmd>}");
}
std::string Json(const std::string& id, absl::string_view more = "") {
  return absl::StrCat(R"({"request_id": ")", id,
                      R"(", "serial_number": "01234567", "cmd": {"Set": )"
                      R"({"-_": "/Process/PV/Scratch", "-value": "1"})",
                      more, "}}");
}
std::string Repeat(absl::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += std::string(text);
  return out;
}
std::string Nested(int depth) { return Repeat("<a>", depth) + Repeat("</a>", depth); }
std::string Attributes(int count) {
  std::string out = "<a";
  for (int i = 0; i < count; ++i) absl::StrAppend(&out, " a", i, "=\"\"");
  return out + "/>";
}

struct Refused {
  const char* what;
  std::string body;
  int error_code;
  Wire answered;
};

std::vector<Refused> Refusals() {
  const Wire t = Wire::kTiXml;
  const Wire j = Wire::kJson;
  return {
      {"a message of 256 KiB and a byte -> 413",
       Tixml("x", std::string(kMaxBytes + 1 - Tixml("x").size(), ' ')), 413, t},
      {"a message of 256 KiB and a byte -> 413",
       Json("x", std::string(kMaxBytes + 1 - Json("x").size(), ' ')), 413, j},
      {"elements 65 deep -> 413", Tixml("x", Nested(64)), 413, t},
      {"elements 65 deep -> 413",
       Json("x", ", \"b\": " + Repeat("{\"a\": ", 63) + "{}" + Repeat("}", 63)), 413, j},
      {"65 attributes -> 413", Tixml("x", Attributes(65)), 413, t},
      {"65 attributes -> 413",
       Json(
           "x", ", \"b\": {" +
                    [] {
                      std::string out = "\"-a\": 0";
                      for (int i = 1; i < 65; ++i) absl::StrAppend(&out, ", \"-a", i, "\": 0");
                      return out;
                    }() +
                    "}"),
       413, j},
      // request_id, serial_number, cmd and Set are four.
      {"20,001 elements -> 413", Tixml("x", Repeat("<a/>", 19'997)), 413, t},
      {"20,001 elements -> 413", Json("x", ", \"a\": [null" + Repeat(",null", 19'996) + "]"), 413,
       j},
      {"a DTD -> 500",
       "<!DOCTYPE a [<!ENTITY b \"1\">]><a><request_id _=\"x\"/>"
       "<serial_number _=\"01234567\"/><cmd>" +
           SetScratch("&b;") + "</cmd></a>",
       500, t},
      {"an undefined entity -> 500", Tixml("x", "<a _=\"&unknown;\"/>"), 500, t},
      {"bytes that are no UTF-8 -> 500", Tixml("x", "<a _=\"\xff\xfe\"/>"), 500, t},
      {"bytes that are no UTF-8 -> 500", Json("x", ", \"a\": \"\xc0\xaf\""), 500, j},
      {"TiXML with an element that is not closed -> 500", Tixml("x", "<a>"), 500, t},
      {"TiXML with a closing brace missing -> 500", Tixml("x").substr(0, Tixml("x").size() - 1),
       500, t},
      {"JSON with a comma too many -> 500", Json("x", ","), 500, j},
      {"JSON that ends too early -> 500", Json("x").substr(0, Json("x").size() - 1), 500, j},
      {"JSON with a member twice -> 500", Json("x", ", \"a\": 1, \"a\": 2"), 500, j},
      {"a message without anything -> 500", "", 500, t},
  };
}

TEST_F(RequestTest, WhatIsTooMuchOrNotWellFormedIsRefusedAndNothingIsExecuted) {
  for (const Refused& refused : Refusals()) {
    const Requirement requirement("1.2 cmd " + Name(refused.answered), refused.what);
    // Also what can't be read as a whole has a request_id, unless it is empty.
    const std::string id = refused.body.empty() ? "" : "x";
    const size_t before = gateway().Answers("cmd", id).size();
    gateway().Publish("cmd", refused.body);
    const Statement error = {R"(<Error><ErrNo _="-210{any}"/>{more}</Error>)",
                             R"({"Error": {"ErrNo": {"-_": "-210{any}"},{more}}})"};
    EXPECT_THAT(gateway().Answer("cmd", id, before + 1),
                IsBody(refused.answered,
                       ResultBody(refused.answered, "cmd", refused.error_code, id, error)));
    EXPECT_EQ(Scratch(), "0");
  }
}

TEST_F(RequestTest, WhatIsJustWithinTheLimitsIsExecuted) {
  const auto expect_done = [&](const std::string& id, const std::string& body, Wire wire,
                               const Statement& answer) {
    gateway().Publish("cmd", body);
    EXPECT_THAT(gateway().Answer("cmd", id), IsBody(wire, ResultBody(wire, "cmd", 0, id, answer)));
  };
  const Statement set = {"<Set/>", R"({"Set": null})"};
  {
    const Requirement requirement("1.2 cmd TiXML", "a message of 256 KiB is taken");
    expect_done("full", Tixml("full", std::string(kMaxBytes - Tixml("full").size(), ' ')),
                Wire::kTiXml, set);
  }
  {
    const Requirement requirement("1.2 cmd JSON", "a message of 256 KiB is taken");
    expect_done("fullj", Json("fullj", std::string(kMaxBytes - Json("fullj").size(), ' ')),
                Wire::kJson, set);
  }
  {
    const Requirement requirement("1.2 cmd TiXML", "elements 64 deep with 64 attributes are taken");
    const std::string nested = Repeat("<a>", 61) + Attributes(64) + Repeat("</a>", 61);
    expect_done("deep", Tixml("deep", "<SetConfig _=\"DEEP\">" + nested + "</SetConfig>"),
                Wire::kTiXml, {"<Set/><SetConfig/>", ""});
  }
  gateway().Ask("cmd", Wire::kTiXml, "limits-done", {SetScratch("0"), ""});
}

}  // namespace
}  // namespace fieldgate::system_test
