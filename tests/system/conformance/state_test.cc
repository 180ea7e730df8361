// Manual 5: the gateway's own information on `state`, answered on `stateResult`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/system/conformance/bodies.h"
#include "tests/system/conformance/conversation.h"
#include "tests/system/conformance/requirement.h"

namespace fieldgate::system_test {
namespace {

struct Case {
  const char* what;
  const char* path;  // empty: none is sent
  int error_code;
  Statement result;
};

const Case kCases[] = {
    {"without a path -> the whole tree below SYSTEM",
     "",
     0,
     {R"(<Get><SYSTEM>
           <Hardware><Modules>{more}<Modem0 _="WT640"/>{more}</Modules>
             <RAM><Size _="{any}"/>{more}</RAM>{more}<FileSystem>{more}</FileSystem></Hardware>
           <Firmware>{more}</Firmware><Linux>{more}</Linux>{more}
           <Process>{more}<PV><Level _="23.5"/><Text _="hello"/><Scratch _="0"/></PV>{more}
           </Process>{more}<TIMES>{more}</TIMES><Ethernet>{more}</Ethernet>{more}
           <SerialNo _="01234567"/>{more}
         </SYSTEM></Get>)",
      R"({"Get": {"SYSTEM": {"Hardware": {"Modules": {{more}"Modem0": {"-_": "WT640"}{more}},
          "RAM": {"Size": {"-_": "{any}"}{more}}{more}"FileSystem": {{more}}},
          "Firmware": {{more}}, "Linux": {{more}}, {more}
          "PV": {"Level": {"-_": "23.5"}, "Text": {"-_": "hello"}, "Scratch": {"-_": "0"}}{more}
          "TIMES": {{more}}, "Ethernet": {{more}}{more}"SerialNo": {"-_": "01234567"}{more}}}})"}},
    {"path Ethernet -> that alone",
     "Ethernet",
     0,
     {R"(<Get><Ethernet><Link _="{any}"/><LinkState _="{any}"/><AssignedIP _="127.0.0.1"/>
           <SubnetMask _="255.0.0.0"/><MAC _="{any}"/><Gateway _="{any}"/><DNS_1 _="{any}"/>
         </Ethernet></Get>)",
      R"({"Get": {"Ethernet": {"Link": {"-_": "{any}"}, "LinkState": {"-_": "{any}"},
          "AssignedIP": {"-_": "127.0.0.1"}, "SubnetMask": {"-_": "255.0.0.0"},
          "MAC": {"-_": "{any}"}, "Gateway": {"-_": "{any}"}, "DNS_1": {"-_": "{any}"}}}})"}},
    {"path with slashes and several levels",
     "/Process/PV/",
     0,
     {R"(<Get><PV><Level _="23.5"/><Text _="hello"/><Scratch _="0"/></PV></Get>)",
      R"({"Get": {"PV": {"Level": {"-_": "23.5"}, "Text": {"-_": "hello"},
                         "Scratch": {"-_": "0"}}}})"}},
    {"path of a single value",
     "Process/PV/Text",
     0,
     {R"(<Get _="hello"/>)", R"({"Get": {"-_": "hello"}})"}},
    {"unknown path -> 500 with the error as ver=\"y\" has it",
     "Nowhere",
     500,
     {R"(<Get><Error><ErrNo _="-2196"/><ErrText _="path to key not found"/>
           <ErrorCause><ErrNo _="-2196"/><ErrText _="{any}"/><Class _="{any}"/></ErrorCause>
         </Error></Get>)",
      R"({"Get": {"Error": {"ErrNo": {"-_": "-2196"},
          "ErrText": {"-_": "path to key not found"},
          "ErrorCause": {"ErrNo": {"-_": "-2196"}, "ErrText": {"-_": "{any}"},
                         "Class": {"-_": "{any}"}}}}})"}},
};

class StateTest : public SharedConversation<testing::TestWithParam<Wire>> {};

TEST_P(StateTest, WithAndWithoutAPath) {
  int number = 0;
  for (const Case& c : kCases) {
    const Requirement requirement("5 state " + Name(GetParam()), c.what);
    const std::string id = absl::StrCat("state-", Name(GetParam()), "-", ++number);
    EXPECT_THAT(gateway().Ask("state", GetParam(), id, {c.path, ""}),
                IsBody(GetParam(), ResultBody(GetParam(), "state", c.error_code, id, c.result)));
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, StateTest, testing::ValuesIn(kWires),
                         [](const auto& info) { return Name(info.param); });

}  // namespace
}  // namespace fieldgate::system_test
