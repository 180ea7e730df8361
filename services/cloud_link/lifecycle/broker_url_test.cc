#include "services/cloud_link/lifecycle/broker_url.h"

#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

std::string Resolve(absl::string_view url, absl::string_view base,
                    const std::vector<std::string>& allow = {}) {
  absl::StatusOr<std::string> resolved = ResolveDataBroker(url, base, allow);
  return resolved.ok() ? *resolved : absl::StatusCodeToString(resolved.status().code());
}

TEST(BrokerUrlTest, TakesSchemeAndPortOfTheBaseUrl) {
  EXPECT_EQ(Resolve("broker.juconn.io", "ssl://base:8884"), "ssl://broker.juconn.io:8884");
  EXPECT_EQ(Resolve("broker.juconn.io:8883", "tcp://base:1"), "tcp://broker.juconn.io:8883");
  EXPECT_EQ(Resolve("ssl://b", "tcp://base:1883"), "ssl://b:1883");
  EXPECT_EQ(Resolve("tcp://10.0.0.1:1884/", "tcp://base:1883"), "tcp://10.0.0.1:1884");
  EXPECT_EQ(Resolve("[::1]", "tcp://base:1883"), "tcp://[::1]:1883");
  EXPECT_EQ(Resolve("[::1]:5", "tcp://base:1883"), "tcp://[::1]:5");
  EXPECT_EQ(Resolve("B.Example", "SSL://Base"), "ssl://b.example:8883");
  EXPECT_EQ(Resolve("b", "tcp://base"), "tcp://b:1883");
}

// As config_store takes them, which stores the result and gives the base URL.
TEST(BrokerUrlTest, AnIpv6AddressMayHaveAZone) {
  EXPECT_EQ(Resolve("[FE80::1%Eth0]", "tcp://base"), "tcp://[fe80::1%Eth0]:1883");
  EXPECT_EQ(Resolve("b", "ssl://[fe80::1%eth0]:8884"), "ssl://b:8884");
}

TEST(BrokerUrlTest, RefusesWhatIsNoBrokerUrl) {
  for (const char* url :
       {"",          "tcp://", "http://b", "b:0",           "b:65536",     "b:",   "b:+1", "b:1:2",
        "user@b",    "b/path", "a b",      "b\n",           "-b",          "[::1", "[]",   "[::1]x",
        "[1.2.3.4]", "[a]",    "[%eth0]",  "tcp://tcp://b", "\xc3\xa4.io", "//b"}) {
    EXPECT_EQ(Resolve(url, "tcp://base:1883"), "INVALID_ARGUMENT") << url;
  }
  EXPECT_EQ(Resolve(std::string(254, 'a'), "tcp://base:1883"), "INVALID_ARGUMENT");
}

TEST(BrokerUrlTest, NeverLeavesTls) {
  EXPECT_EQ(Resolve("tcp://b:1883", "ssl://base:8883"), "PERMISSION_DENIED");
  EXPECT_EQ(Resolve("ssl://b:8883", "ssl://base:8883"), "ssl://b:8883");
}

TEST(BrokerUrlTest, GoesOnlyWhereAllowed) {
  const std::vector<std::string> allow = {"juconn.io", ".example.com", "10.0.0.1"};
  for (const char* url : {"juconn.io", "broker.juconn.io", "BROKER.JUCONN.IO", "a.b.example.com",
                          "example.com", "10.0.0.1:99"}) {
    EXPECT_TRUE(ResolveDataBroker(url, "tcp://base:1883", allow).ok()) << url;
  }
  for (const char* url : {"notjuconn.io", "juconn.io.evil", "10.0.0.11", "base"}) {
    EXPECT_EQ(Resolve(url, "tcp://base:1883", allow), "PERMISSION_DENIED") << url;
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
