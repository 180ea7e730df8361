#include "tests/system/conformance/conversation.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace fieldgate::system_test {
namespace {

constexpr char kDevice[] = R"({
  "serial_number": "01234567",
  "product_name": "WT640",
  "interfaces": {"Ethernet": "lo"}
})";

constexpr char kProcCfg[] = R"([<SetConfig _="PROCCFG" ver="y">
  <External>
    <Bus1 protocol="ModbusTCP">
      <Device1 address="127.0.0.1:$port" poll="50" timeout="300" retries="0" backoffmax="500">
        <Relay register="coil" offset="3" access="rw"/>
        <Fixed register="holding" offset="0" type="uint16"/>
        <Small register="holding" offset="1" type="uint16" access="rw"/>
      </Device1>
    </Bus1>
  </External>
  <ProcessVars>
    <Level value="23.5"/>
    <Text value="hello"/>
    <Scratch value="0"/>
  </ProcessVars>
</SetConfig>])";

constexpr char kIsp[] = R"([<SetConfig _="ISP" ver="y">
  <CloudConn>
    <CloudBaseUrl _="$url"/>
    <CloudConnStart _="1"/>
    <CloudConnType _="FPIL_Tixi_MQTT_1"/>
    <ResponseTimeout _="20"/>
    <RetryMaxTime _="2"/>
    <username _="$user"/>
    <password _="$password"/>
    <RTSendTime1 _="86400"/>
    <Realtime1>
      <Level _="/Process/PV/Level" meta_type="volume"/>
    </Realtime1>
    <RTSendTime3 _="86400"/>
    <Realtime3>
      <Text _="/Process/PV/Text" meta_type="custom"/>
    </Realtime3>
  </CloudConn>
  <CloudConn2>
    <CloudBaseUrl _="$url"/>
    <CloudConnStart _="1"/>
    <CloudConnType _="FPIL_Tixi_MQTT_1"/>
    <CloudConnDataFormat _="JSON"/>
    <username _="$user"/>
    <password _="$password"/>
    <customer_id _="customer-1"/>
    <gateway_id _="gw-second"/>
    <RTSendTime2 _="86400"/>
    <Realtime2>
      <Small _="/Process/Bus1/Device1/Small" meta_type="custom"/>
    </Realtime2>
  </CloudConn2>
  <CloudConn3>
    <CloudBaseUrl _="$url"/>
    <CloudConnStart _="0"/>
    <CloudConnType _="FPIL_Tixi_MQTT_1"/>
    <customer_id _="customer-1"/>
    <gateway_id _="gw-third"/>
    <RTSendTime1 _="1"/>
    <Realtime1>
      <Level _="/Process/PV/Level" meta_type="volume"/>
    </Realtime1>
  </CloudConn3>
</SetConfig>])";

constexpr char kUser[] = "gate";
constexpr char kPassword[] = "wide-open-7";

GatewayHarness::Options WithPassword(GatewayHarness::Options options) {
  options.broker.username = kUser;
  options.broker.password = kPassword;
  // Else each answer waits for a delayed acknowledgement of TCP, 90 ms.
  options.broker.config.push_back("set_tcp_nodelay true");
  return options;
}

std::string ResponseId(const std::string& body) {
  const bool json = body.find("\"response_id\"") != std::string::npos;
  const std::string canonical = Canonical(json ? Wire::kJson : Wire::kXml, body);
  const std::string before = json ? "\"response_id\":\"" : "<response_id _=\"";
  const size_t at = canonical.find(before);
  if (at == std::string::npos) return "no response_id";
  const size_t begin = at + before.size();
  return canonical.substr(begin, canonical.find('"', begin) - begin);
}

}  // namespace

Conversation::Conversation(GatewayHarness::Options options)
    : harness_(WithPassword(std::move(options))) {
  harness_.WriteFile("device.json", kDevice);
  harness_.WriteFile(
      "proccfg.tixml",
      absl::StrReplaceAll(kProcCfg, {{"$port", absl::StrCat(harness_.device(0).port())}}));
  harness_.WriteFile("isp.tixml", absl::StrReplaceAll(kIsp, {{"$url", harness_.broker().url()},
                                                             {"$user", kUser},
                                                             {"$password", kPassword}}));
  absl::StatusOr<std::unique_ptr<WireTap>> tap =
      WireTap::Start({.url = harness_.broker().url(), .username = kUser, .password = kPassword},
                     &harness_.portal());
  EXPECT_TRUE(tap.ok()) << tap.status();
  tap_ = *std::move(tap);
}

void Conversation::Run() {
  harness_.StartGateway();
  AwaitRunning();
  // The configuration may reach process_data later than cloud_link.
  EXPECT_TRUE(Eventually(kPatience,
                         [this] { return ValueOf("/Process/Bus1/Device1/DeviceState") == "1"; }));
}

void Conversation::AwaitRunning() {
  EXPECT_TRUE(Eventually(kPatience, [this] {
    std::map<std::string, ConnectorState> connectors = harness_.Status().connectors;
    return connectors["CloudConn"].state == "running" &&
           connectors["CloudConn2"].state == "running";
  })) << harness_.Run("status").output;
}

std::string Conversation::Topic(const std::string& level) {
  return "customer-1/fp/gw-01234567/" + level;
}

void Conversation::Publish(const std::string& level, const std::string& body) {
  const absl::Status sent = tap_->Publish(Topic(level), body);
  EXPECT_TRUE(sent.ok()) << sent;
}

void Conversation::Send(const std::string& kind, Wire wire, const std::string& id,
                        const Statement& content) {
  Publish(kind, RequestBody(wire, {kind, id, kSerialNumber, content}));
}

std::string Conversation::Ask(const std::string& kind, Wire wire, const std::string& id,
                              const Statement& content) {
  Send(kind, wire, id, content);
  return Answer(kind, id);
}

std::vector<std::string> Conversation::Answers(const std::string& kind,
                                               const std::string& id) const {
  std::vector<std::string> answers;
  for (const WireTap::Message& message : tap_->On(Topic(kind + "Result"))) {
    if (ResponseId(message.body) == id) answers.push_back(message.body);
  }
  return answers;
}

std::string Conversation::Answer(const std::string& kind, const std::string& id,
                                 size_t count) const {
  std::vector<std::string> answers;
  if (!Eventually(kPatience, [&] {
        answers = Answers(kind, id);
        return answers.size() >= count;
      })) {
    ADD_FAILURE() << "answer " << count << " to " << kind << " '" << id << "' never came";
    return "";
  }
  return answers[count - 1];
}

absl::StatusOr<std::unique_ptr<WireTap>> Conversation::StealConnection(
    const std::string& client_id) {
  return WireTap::Start({.url = harness_.broker().url(),
                         .username = kUser,
                         .password = kPassword,
                         .client_id = client_id},
                        &harness_.portal());
}

std::string Conversation::ValueOf(const std::string& path) {
  const std::string id = absl::StrCat("value-of-", ++asked_);
  const std::string body = Ask("cmd", Wire::kTiXml, id, {"<Get _=\"" + path + "\"/>", ""});
  const std::string before = "<Get _=\"";
  const size_t at = body.find(before);
  if (at == std::string::npos) return "no value in " + body;
  const size_t begin = at + before.size();
  return body.substr(begin, body.find('"', begin) - begin);
}

}  // namespace fieldgate::system_test
