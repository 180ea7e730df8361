#pragma once

#include <memory>
#include <string>

#include "tests/system/conformance/bodies.h"
#include "tests/system/gateway_harness.h"
#include "tests/system/wire_tap.h"

namespace fieldgate::system_test {

// A connector with configured ids: customer "c" and this gateway_id.
struct ConnectorText {
  std::string name = "CloudConn";
  std::string gateway_id = "gw";
  std::string format = "TiXML";
  std::string url = "$url";  // of the harness's broker
  std::string content;       // sections and whatever else
};

// A gateway with a configuration of its own, and what it sends.
class DataGateway {
 public:
  explicit DataGateway(GatewayHarness::Options options = {});

  GatewayHarness& harness() { return harness_; }
  WireTap& tap() { return *tap_; }

  // `proc_cfg` is the content of the PROCCFG database; $port is the port of
  // the Modbus device, $dead one that nobody listens on.
  void Configure(const std::string& proc_cfg, const std::vector<ConnectorText>& connectors);
  void Run() { harness_.StartGateway(); }

  static std::string Topic(const std::string& gateway_id, const std::string& level = "data") {
    return "c/fp/" + gateway_id + "/" + level;
  }

  // Waits until the newest message on `topic` is `body`, up to white space and
  // patterns; otherwise the test fails and shows it.
  void ExpectNewest(WireTap& tap, const std::string& topic, Wire wire, const std::string& body);
  void ExpectNewest(const std::string& topic, Wire wire, const std::string& body) {
    ExpectNewest(*tap_, topic, wire, body);
  }

  // A command line `fieldgate tixml` that must succeed.
  void Execute(const std::string& command);
  void SetVariable(const std::string& name, const std::string& value) {
    Execute("[<Set _=\"/Process/PV/" + name + "\" value=\"" + value + "\"/>]");
  }

 private:
  GatewayHarness harness_;
  std::unique_ptr<WireTap> tap_;
};

// A body of 2.3 around these controllers.
std::string DataBody(Wire wire, const std::string& controllers);

// message_id and timestamp of a body of 2.3.
struct Stamp {
  int64_t message_id = 0;
  int64_t timestamp = 0;
};
Stamp StampOf(const std::string& body);

}  // namespace fieldgate::system_test
