// Manual 7.5: what /Process/CloudConn shows of the connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/system/conformance/requirement.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using portal::Fault;

class StatusTest : public testing::Test {
 protected:
  // Waits until the value is one of these.
  void Expect(const std::string& name, const std::vector<std::string>& values) {
    std::string value;
    EXPECT_TRUE(Eventually(kPatience,
                           [&] {
                             value = Value(name);
                             return std::find(values.begin(), values.end(), value) != values.end();
                           }))
        << name << " is " << value;
  }
  std::string Value(const std::string& name) {
    const std::string answer =
        harness_.Run("tixml", {"[<Get _=\"/Process/CloudConn/" + name + "\"/>]"}).output;
    const std::string before = "<Get _=\"";
    const size_t at = answer.find(before);
    if (at == std::string::npos) return "none";
    return answer.substr(at + before.size(),
                         answer.find('"', at + before.size()) - at - before.size());
  }

  const Fault never_{.first = 1'000'000, .kind = Fault::Kind::kNever};
  GatewayHarness harness_{{.portal = {.portal_version = "1.0.0", .rollout_fault = never_}}};
};

TEST_F(StatusTest, FollowsTheConnection) {
  harness_.StartGateway();
  {
    const Requirement requirement("7.5 status", "waiting for the portal -> registering");
    Expect("ConnectionStateMsg", {"registering"});
    Expect("ConnectionState", {"1"});
    EXPECT_EQ(Value("ConnectionType"),
              "mqtt:127.0.0.1:" + std::to_string(harness_.broker().port()));
    EXPECT_EQ(Value("LastTimeStamp"), "0");
  }
  {
    const Requirement requirement("7.5 status", "running -> connected, and the portal's version");
    harness_.portal().SetPolicy({.portal_version = "1.0.0"});
    Expect("ConnectionStateMsg", {"connected"});
    Expect("BrokerVersion", {"1.0.0"});
  }
  {
    const Requirement requirement("7.5 status",
                                  "LastTimeStamp grows and ChangeToggle switches when data go");
    ASSERT_TRUE(Eventually(kPatience, [&] { return Value("LastTimeStamp") != "0"; }));
    const std::string before = Value("LastTimeStamp");
    EXPECT_TRUE(Eventually(kPatience, [&] { return Value("LastTimeStamp") > before; }));
    Expect("ChangeToggle", {"0"});
    Expect("ChangeToggle", {"1"});
  }
  const Requirement requirement("7.5 status", "no broker -> 0 and not connected, or connecting");
  harness_.broker().Stop();
  Expect("ConnectionState", {"0"});
  Expect("ConnectionStateMsg", {"not connected", "connecting"});
  ASSERT_TRUE(harness_.broker().Start().ok());
  Expect("ConnectionStateMsg", {"connected"});
}

}  // namespace
}  // namespace fieldgate::system_test
