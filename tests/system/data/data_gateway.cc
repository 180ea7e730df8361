#include "tests/system/data/data_gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/testing/process.h"

namespace fieldgate::system_test {
namespace {

constexpr char kConnector[] = R"(  <$name>
    <CloudBaseUrl _="$broker"/>
    <CloudConnStart _="1"/>
    <CloudConnType _="FPIL_Tixi_MQTT_1"/>
    <CloudConnDataFormat _="$format"/>
    <customer_id _="c"/>
    <gateway_id _="$gateway"/>
    $content
  </$name>
)";

int64_t NumberAfter(const std::string& body, const std::string& name) {
  size_t at = body.find(name);
  if (at == std::string::npos) return 0;
  at = body.find_first_of("0123456789", at + name.size());
  return at == std::string::npos ? 0 : std::atoll(body.c_str() + at);
}

}  // namespace

DataGateway::DataGateway(GatewayHarness::Options options) : harness_(std::move(options)) {
  absl::StatusOr<std::unique_ptr<WireTap>> tap =
      WireTap::Start({.url = harness_.broker().url()}, &harness_.portal());
  EXPECT_TRUE(tap.ok()) << tap.status();
  tap_ = *std::move(tap);
}

void DataGateway::Configure(const std::string& proc_cfg,
                            const std::vector<ConnectorText>& connectors) {
  harness_.WriteFile("proccfg.tixml",
                     absl::StrCat("[<SetConfig _=\"PROCCFG\" ver=\"y\">",
                                  absl::StrReplaceAll(
                                      proc_cfg, {{"$port", absl::StrCat(harness_.device(0).port())},
                                                 {"$dead", absl::StrCat(FreePort())}}),
                                  "</SetConfig>]"));
  std::string isp = "[<SetConfig _=\"ISP\" ver=\"y\">\n";
  for (const ConnectorText& connector : connectors) {
    const std::string url = connector.url == "$url" ? harness_.broker().url() : connector.url;
    isp += absl::StrReplaceAll(kConnector, {{"$name", connector.name},
                                            {"$broker", url},
                                            {"$format", connector.format},
                                            {"$gateway", connector.gateway_id},
                                            {"$content", connector.content}});
  }
  harness_.WriteFile("isp.tixml", isp + "</SetConfig>]");
}

void DataGateway::ExpectNewest(WireTap& tap, const std::string& topic, Wire wire,
                               const std::string& body) {
  const std::string pattern = Canonical(wire, body);
  std::string newest;
  if (Eventually(kPatience, [&] {
        const size_t count = tap.Count(topic);
        if (count == 0) return false;
        newest = tap.On(topic).back().body;
        return MatchesPattern(Canonical(wire, newest), pattern);
      })) {
    return;
  }
  EXPECT_THAT(newest, IsBody(wire, body)) << topic;
}

void DataGateway::Execute(const std::string& command) {
  const Outcome outcome = harness_.Run("tixml", {command});
  EXPECT_EQ(outcome.exit_status, 0) << command << "\n" << outcome.output;
}

std::string DataBody(Wire wire, const std::string& controllers) {
  if (wire == Wire::kJson) {
    return absl::StrCat(R"({"message_id": {any}, "timestamp": {any}, "controllers": [)",
                        controllers, "]}");
  }
  constexpr char kDeclaration[] = R"(<?xml version="1.0" encoding="UTF-8" ?>)";
  const std::string elements =
      absl::StrCat(R"(<message_id _="{any}"/><timestamp _="{any}"/><controllers>)", controllers,
                   "</controllers>");
  if (wire == Wire::kTiXml) return absl::StrCat("{", kDeclaration, elements, "}");
  return absl::StrCat(kDeclaration, "<data>", elements, "</data>");
}

Stamp StampOf(const std::string& body) {
  return {NumberAfter(body, "message_id"), NumberAfter(body, "timestamp")};
}

}  // namespace fieldgate::system_test
