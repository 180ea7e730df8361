#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/system/conformance/bodies.h"
#include "tests/system/gateway_harness.h"
#include "tests/system/wire_tap.h"

namespace fieldgate::system_test {

// The running gateway of a conformance test, and what goes over its broker.
//
// Besides CloudConn, which rolls out, it has CloudConn2 with configured ids
// (customer-1/gw-second, JSON), and CloudConn3, which is not started. They
// send what they have when they start, then only on command.
class Conversation {
 public:
  Conversation() : Conversation(GatewayHarness::Options()) {}
  explicit Conversation(GatewayHarness::Options options);

  GatewayHarness& harness() { return harness_; }
  WireTap& tap() { return *tap_; }

  // Starts the gateway; it is running afterwards.
  void Run();
  // Runs until both connectors are running again.
  void AwaitRunning();

  // customer-1/fp/gw-01234567/LEVEL
  static std::string Topic(const std::string& level);

  void Publish(const std::string& level, const std::string& body);
  // Sends a request with its own serial number.
  void Send(const std::string& kind, Wire wire, const std::string& id, const Statement& content);
  // The same, and waits for its answer.
  std::string Ask(const std::string& kind, Wire wire, const std::string& id,
                  const Statement& content);
  // Answers with this response_id, in order of their arrival.
  std::vector<std::string> Answers(const std::string& kind, const std::string& id) const;
  // Waits for the `count`th of them; without one the test fails.
  std::string Answer(const std::string& kind, const std::string& id, size_t count = 1) const;

  // Takes the broker's connection from a client; it may have it back when the
  // result is gone.
  absl::StatusOr<std::unique_ptr<WireTap>> StealConnection(const std::string& client_id);

  // A value as a Get of the portal shows it.
  std::string ValueOf(const std::string& path);

 private:
  GatewayHarness harness_;
  std::unique_ptr<WireTap> tap_;
  int asked_ = 0;
};

// One for all tests of a suite that share it; what it had to say is shown
// after a test that failed.
template <typename Base>
class SharedConversation : public Base {
 protected:
  static void SetUpTestSuite() {
    Prepare();
    gateway_->Run();
  }
  // Without starting it.
  static void Prepare() { gateway_ = std::make_unique<Conversation>(); }
  static void TearDownTestSuite() { gateway_.reset(); }
  void TearDown() override {
    if (testing::Test::HasFailure()) gateway_->harness().Explain();
  }

  static Conversation& gateway() { return *gateway_; }

 private:
  static inline std::unique_ptr<Conversation> gateway_;
};

}  // namespace fieldgate::system_test
