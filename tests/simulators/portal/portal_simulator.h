#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/simulators/portal/portal.h"

namespace fieldgate::portal {

struct PortalOptions {
  std::string broker_url;  // "tcp://127.0.0.1:1883"
  std::string username = {};
  std::string password = {};
  // One session a client id: the broker keeps messages for a portal that is
  // away.
  std::string client_id = "portal";
  // The broker must be there within this time, at the start and after each
  // loss of the connection.
  absl::Duration connect_deadline = absl::Seconds(30);
  PortalPolicy policy = {};
  // Gets each lifecycle step as it happens; called on the simulator's thread,
  // without a lock of it.
  std::function<void(absl::string_view line)> on_step = {};
  // Likewise each message of a gateway, once the portal has taken it.
  std::function<void(const std::string& topic, const std::string& body)> on_message = {};
};

// A portal at a broker: Portal with a connection and a thread. Connects, and
// connects again, by itself. Thread-safe.
class PortalSimulator {
 public:
  // Returns at once; the connection follows.
  // kInvalidArgument: the URL is unusable.
  static absl::StatusOr<std::unique_ptr<PortalSimulator>> Start(PortalOptions options);

  ~PortalSimulator();

  // Connected and subscribed, now.
  bool connected() const;
  // OK, or kUnavailable once the broker was not there for connect_deadline.
  absl::Status health() const;
  PortalStats Snapshot() const;
  // Another behaviour from the next request on.
  void SetPolicy(PortalPolicy policy);

  // Publishes a command to "customer_id/gateway_id"; its result will be in
  // Snapshot().results. Blocks for at most 5 s until the broker has it.
  //
  // kUnavailable: not connected, or the broker doesn't acknowledge.
  absl::Status SendCommand(absl::string_view gateway, const Command& command,
                           tixml::Format format = tixml::Format::kTiXml);
  // Publishes anything, for what no portal should send. As SendCommand.
  absl::Status Publish(const std::string& topic, const std::string& body, bool retained = false);

 private:
  class Impl;
  explicit PortalSimulator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fieldgate::portal
