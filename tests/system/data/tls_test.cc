// Manual 7: ssl:// through the whole gateway, with server authentication by a
// file, and what the user reads when it fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/testing/certificate.h"
#include "tests/system/data/data_gateway.h"

namespace fieldgate::system_test {
namespace {

using testing::HasSubstr;

constexpr char kProcCfg[] = R"(<ProcessVars><Level value="23.5"/></ProcessVars>)";

class TlsTest : public testing::Test {
 protected:
  // The harness's broker has a second listener with TLS; portal and tap use
  // the first.
  TlsTest()
      : certificate_(MakeTestCertificate().value()),
        port_(FreePort()),
        gateway_({.broker = {.config = {absl::StrCat("listener ", port_, " 127.0.0.1"),
                                        "certfile " + certificate_.cert_file,
                                        "keyfile " + certificate_.key_file}}}) {}

  // `server_auth`: the elements that say how the server is checked.
  void Run(const std::string& server_auth, const std::string& ca_file,
           const std::string& host = "localhost") {
    const std::string state = gateway_.harness().state_dir();
    const std::string certs = state + "/certs";
    std::filesystem::create_directories(certs);
    std::filesystem::permissions(state, std::filesystem::perms::owner_all);
    std::filesystem::copy_file(ca_file, certs + "/servercert.crt");
    gateway_.Configure(
        kProcCfg, {{.url = absl::StrCat("ssl://", host, ":", port_), .content = server_auth + R"(
        <RTSendTime1 _="0.5"/>
        <Realtime1><Level _="/Process/PV/Level" meta_type="volume"/></Realtime1>)"}});
    gateway_.Run();
  }
  void ExpectRefused(const std::string& why) {
    EXPECT_TRUE(Eventually(kPatience, [&] {
      const std::string detail = gateway_.harness().Status().connector_detail;
      return absl::StrContains(detail, "TLS: ") && absl::StrContains(detail, why);
    })) << gateway_.harness().Run("status").output;
    EXPECT_EQ(gateway_.tap().Count(DataGateway::Topic("gw", "gatewayInit")), 0u);
    EXPECT_EQ(gateway_.tap().Count(DataGateway::Topic("gw")), 0u);
  }

  static constexpr char kByFile[] =
      R"(<TLS_Server_authmode _="file"/><TLS_Server_cert _="servercert.crt"/>)";

  const TestCertificate certificate_;
  const int port_;
  DataGateway gateway_;
};

TEST_F(TlsTest, WithTheServersAuthorityInAFileDataFlow) {
  Run(kByFile, certificate_.ca_file);
  gateway_.ExpectNewest(
      DataGateway::Topic("gw"), Wire::kTiXml,
      DataBody(Wire::kTiXml,
               R"(<Process_PV><sensors><Level _="23.5" state="2"/></sensors></Process_PV>)"));
  // 7.5
  EXPECT_THAT(gateway_.harness().Run("tixml", {"[<Get _=\"/Process/CloudConn/\"/>]"}).output,
              HasSubstr(absl::StrCat("<ConnectionType _=\"mqtt+ssl:localhost:", port_, "\"/>")));
}

TEST_F(TlsTest, AnotherAuthorityIsRefusedAndNothingIsSent) {
  Run(kByFile, MakeTestCertificate().value().ca_file);
  ExpectRefused("certificate");
}

TEST_F(TlsTest, ACertificateOfAnotherHostIsRefused) {
  Run(kByFile, certificate_.ca_file, "127.0.0.1");
  ExpectRefused("mismatch");
}

// Nobody vouches for this server, and the default is to ask.
TEST_F(TlsTest, WithoutAFileTheBundleOfAuthoritiesRefusesIt) {
  Run("", certificate_.ca_file);
  ExpectRefused("certificate");
}

TEST_F(TlsTest, WithoutServerAuthenticationItIsAccepted) {
  Run(R"(<TLS_Server_authmode _="none"/>)", certificate_.ca_file);
  gateway_.tap().Await(DataGateway::Topic("gw"), 0);
}

}  // namespace
}  // namespace fieldgate::system_test
