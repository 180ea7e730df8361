#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/system/gateway_harness.h"

// Data in bulk, and what of them a portal has got: for tests of the cache's bounds.
namespace fieldgate::system_test {

// What a portal has got of a gateway, in any order. Thread-safe.
class Received {
 public:
  // As PortalOptions.on_message.
  void OnMessage(const std::string& topic, const std::string& body);

  // Unix seconds by message_id.
  std::map<int64_t, int64_t> data() const;
  // Unasked messages of losses, each body once.
  std::vector<std::string> loss_messages() const;

 private:
  mutable std::mutex mutex_;
  std::map<int64_t, int64_t> data_;
  std::vector<std::string> loss_messages_;
};

// As `fieldgate losses --json` and the loss messages have it.
struct NamedLoss {
  int64_t number = 0;
  int64_t count = 0;
  int64_t first_id = 0;
  int64_t last_id = 0;
  std::string reason;
  bool reported = false;
};

// Of CloudConn, oldest first.
std::vector<NamedLoss> ListLosses(GatewayHarness& harness);
// The records of a loss message.
std::vector<NamedLoss> ReadLossMessage(const std::string& body);
// The ids from 1 to the newest that are missing.
std::vector<int64_t> MissingIds(const std::map<int64_t, int64_t>& data);
// All ids that the losses name, in order.
std::vector<int64_t> IdsOf(const std::vector<NamedLoss>& losses);

// Executes commands by the command line, which must succeed.
std::string Execute(GatewayHarness& harness, const std::string& commands);
// Adds Realtime3 with some 20 KB, which is sent on command alone.
void AddBulk(GatewayHarness& harness);
// `count` messages of it.
void SendBulk(GatewayHarness& harness, int count);

// A member of CloudConn in `fieldgate status --json`, as text.
std::string StatusMember(GatewayHarness& harness, const std::string& name);

}  // namespace fieldgate::system_test
