// Requests and results that are made to cost: read, executed and answered for
// about as much as ordinary ones of their size.
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/cpu_time.h"
#include "common/tixml/codec.h"
#include "gtest/gtest.h"
#include "services/cloud_link/command/fake_ports.h"
#include "services/cloud_link/command/interpreter.h"
#include "services/cloud_link/payload/messages.h"
#include "services/cloud_link/payload/request.h"

namespace fieldgate::cloud_link {
namespace {

using tixml::Node;

std::string FillWith(const std::function<std::string(int)>& make) {
  std::string out;
  for (int i = 0; i < 19'000; ++i) {
    const std::string part = make(i);
    if (out.size() + part.size() > tixml::kMaxBytes - 1024) break;
    out += part;
  }
  return out;
}

std::string Request(const std::string& commands) {
  return absl::StrCat("{<request_id _='r'/><serial_number _='01234567'/><cmd>", commands,
                      "</cmd>}");
}

std::string Ordinary() {
  return Request(FillWith(
      [](int i) { return absl::StrCat("<Set _='/Process/PV/Level' value='", i, "' ver='y'/>"); }));
}

struct Case {
  const char* name;
  std::string body;
};

std::vector<Case> Cases() {
  return {
      {"unknown commands", Request(FillWith([](int i) { return absl::StrCat("<G", i, "/>"); }))},
      {"unknown commands with long errors",
       Request(FillWith([](int i) { return absl::StrCat("<G", i, " ver='v'/>"); }))},
      {"an unknown command with a long name", Request("<" + std::string(250'000, 'G') + "/>")},
      {"paths of slashes", Request("<Get _='" + std::string(250'000, '/') + "'/>")},
      {"a long path", Request("<Get _='/Process/" + std::string(250'000, 'x') + "' ver='v'/>")},
      {"a text in a text", "{\"serial_number\":\"01234567\",\"cmd\":\"" +
                               FillWith([](int) { return std::string("<Get _='a'/>"); }) + "\"}"},
      {"texts in texts", "{\"serial_number\":\"01234567\",\"cmd\":[" + FillWith([](int) {
                           return std::string("\"<Get/>\",");
                         }) + "\"<Get/>\"]}"},
      {"many fields", "{" + FillWith([](int) { return std::string("<request_id _='r'/>"); }) +
                          "<serial_number _='01234567'/><cmd><Get/></cmd>}"},
      {"handlers in a circle",
       Request(FillWith([](int) { return std::string("<DoOn _='Loop'/>"); }).substr(0, 16 * 90))},
      {"an id in a garbage of ids", FillWith([](int) { return std::string("request_id"); })},
  };
}

void Use(const std::string& body) {
  const cloud_link::Request request = ParseRequest(RequestKind::kCmd, body);
  FakeProcessPort process;
  process.values_["/Process/PV/Level"] = "1";
  FakeConfigPort config;
  FakeGatewayPort gateway;
  FakeEventPort events;
  events.Put("Loop", "<DoOn _='Loop'/>");
  Interpreter interpreter({process, config, gateway, events});
  const Interpreter::Result result = interpreter.Execute(request.commands, {});
  EXPECT_FALSE(AnswerBody(RequestKind::kCmd, request.format, AnswerCode::kDone, request.request_id,
                          result.answers, true)
                   .empty());
  static_cast<void>(ParseRolloutResult(body));
  static_cast<void>(ParseInitResult(body));
}

TEST(HostileRequestTest, CostsAboutAsMuchAsAnOrdinaryOneOfItsSize) {
  constexpr int kMost = 12;  // an error says more than the answer to a Set
  const std::string ordinary = Ordinary();
  const absl::Duration usual = CpuTimeOf([&] { Use(ordinary); });
  for (const Case& c : Cases()) {
    const absl::Duration took = CpuTimeOf([&] { Use(c.body); }, kMost * usual);
    std::printf("%-36s %7zu bytes %8.2f ms, %5.2f times the usual\n", c.name, c.body.size(),
                absl::ToDoubleMilliseconds(took), absl::FDivDuration(took, usual));
    EXPECT_LT(took, kMost * usual) << c.name;
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
