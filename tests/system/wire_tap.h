#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/simulators/portal/portal_simulator.h"

namespace fieldgate::system_test {

// Everything that goes over a broker, byte by byte and in order: a client of
// its own beside the portal's. It does not connect again when it loses the
// broker. Thread-safe.
class WireTap {
 public:
  struct Message {
    std::string body;
    int qos = 0;  // as published: the tap subscribes with 2
  };

  struct Options {
    std::string url;
    std::string username = {};
    std::string password = {};
    std::string client_id = "wire-tap";
  };

  // Connected and subscribed to everything when OK is returned. Paho serves all
  // clients of a process by one thread, which sees a new connection only after
  // a second, unless something arrives on another: from a `neighbour` at the
  // same broker that is done, and start takes 0.1 s instead of 2.
  // kUnavailable: the broker doesn't answer, or refuses.
  static absl::StatusOr<std::unique_ptr<WireTap>> Start(
      const Options& options, portal::PortalSimulator* neighbour = nullptr);
  ~WireTap();

  // In order of their arrival.
  std::vector<Message> On(const std::string& topic) const;
  size_t Count(const std::string& topic) const;
  std::set<std::string> Topics() const;
  // Waits for the message `index` (from 0) on `topic`. Without one the test
  // fails, and the message is empty.
  Message Await(const std::string& topic, size_t index) const;

  // With QoS 1; return when the broker has it, or all of them.
  // kUnavailable: it doesn't acknowledge within 20 s.
  absl::Status Publish(const std::string& topic, const std::string& body, bool retained = false);
  absl::Status PublishAll(const std::string& topic, const std::vector<std::string>& bodies);

 private:
  class Impl;
  explicit WireTap(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace fieldgate::system_test
