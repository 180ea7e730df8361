// CS-150 to CS-154: service routing, ISP/OUT.
#include "services/config_store/validation/routing.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config_store/validation/databases.h"
#include "services/config_store/validation/test_support.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RoutingTest : public testing::Test {
 protected:
  RoutingTest() {
    (*device_.mutable_interfaces())["Ethernet"] = "eth0";
    (*device_.mutable_interfaces())["MODEM"] = "wwan0";
  }

  void ReadOut(absl::string_view entries) {
    Read(absl::StrCat("<ISP>\n<OUT>\n", entries, "</OUT></ISP>"));
  }

  void Read(absl::string_view isp) { Read(Database("ISP", isp)); }

  void Read(const tixml::Node& isp) {
    Problems problems;
    routes_ = ReadRoutes(isp, device_, problems);
    problems_ = Lines(problems);
  }

  // "MODEM wwan0", "none", or "error".
  std::string RouteOf(const std::string& connector) const {
    v1::Connector c;
    c.set_name(connector);
    if (!routes_.Apply(c)) return "error";
    return c.route().empty() ? "none" : absl::StrCat(c.route(), " ", c.interface());
  }

  v1::Device device_;
  Routes routes_;
  std::vector<std::string> problems_;
};

TEST_F(RoutingTest, TheManualsExampleRoutesItsConnectorAndStoresTheRest) {
  ReadOut(R"(<SMTP _="MODEM"/><CBIS _="MODEM"/><POP3 _="MODEM"/><URLSend _="MODEM"/>
    <INetTime _="MODEM"/><HTTPConn _="MODEM"/><CloudConn _="Ethernet"/><IBMConn _="MODEM"/>
    <FTPPut _="MODEM"/><SFTPPut _="MODEM"/><VPN _="MODEM"/>)");
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(RouteOf("CloudConn"), "Ethernet eth0");
  EXPECT_EQ(RouteOf("CloudConn2"), "none");
}

TEST_F(RoutingTest, EachConnectorHasItsOwn) {
  (*device_.mutable_interfaces())["VPN"] = "tun0";
  ReadOut(R"(<CloudConn _="MODEM"/><CloudConn2 _="VPN"/><CloudConn3 _="Ethernet"/>)");
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(RouteOf("CloudConn"), "MODEM wwan0");
  EXPECT_EQ(RouteOf("CloudConn2"), "VPN tun0");
  EXPECT_EQ(RouteOf("CloudConn3"), "Ethernet eth0");
}

TEST_F(RoutingTest, EthernetWithoutAnInterfaceIsTheActiveLan) {
  device_.mutable_interfaces()->erase("Ethernet");
  ReadOut(R"(<CloudConn _="Ethernet"/>)");
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(RouteOf("CloudConn"), "Ethernet ");
}

TEST_F(RoutingTest, ModemOrVpnWithoutAnInterfaceSaysWhatToWrite) {
  device_.clear_interfaces();
  ReadOut("<CloudConn _=\"MODEM\"/>\n<CloudConn2 _=\"VPN\"/>");
  EXPECT_THAT(problems_,
              ElementsAre("error 3 /ISP/ISP/OUT/CloudConn: device.json names no interface for "
                          "MODEM; write \"interfaces\": {\"MODEM\": \"wwan0\"} into device.json, "
                          "with the name that Linux has for it",
                          "error 4 /ISP/ISP/OUT/CloudConn2: device.json names no interface for "
                          "VPN; write \"interfaces\": {\"VPN\": \"tun0\"} into device.json, with "
                          "the name that Linux has for it"));
  EXPECT_EQ(RouteOf("CloudConn"), "error");
  EXPECT_EQ(RouteOf("CloudConn2"), "error");
  EXPECT_EQ(RouteOf("CloudConn3"), "none");
}

TEST_F(RoutingTest, AnotherValueIsAnError) {
  ReadOut(R"(<CloudConn _="WLAN"/>)");
  EXPECT_THAT(problems_, ElementsAre("error 3 /ISP/ISP/OUT/CloudConn: 'WLAN' is no way to a "
                                     "broker; write Ethernet, MODEM or VPN"));
  EXPECT_EQ(RouteOf("CloudConn"), "error");
}

// A route that is overlooked for its spelling would be a connection by another
// way.
TEST_F(RoutingTest, NamesAndValuesAreReadInAnyCase) {
  Read(R"(<Isp><out><cloudconn _="modem"/><CLOUDCONN2>Modem</CLOUDCONN2></out></Isp>)");
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(RouteOf("CloudConn"), "MODEM wwan0");
  EXPECT_EQ(RouteOf("CloudConn2"), "MODEM wwan0");
}

TEST_F(RoutingTest, TwoRoutesOfOneConnectorAreAnErrorAndNoneIsTaken) {
  ReadOut("<CloudConn _=\"Ethernet\"/>\n<cloudconn _=\"MODEM\"/>");
  EXPECT_THAT(problems_, ElementsAre("error 4 /ISP/ISP/OUT/cloudconn: CloudConn is given twice; "
                                     "remove one of them"));
  EXPECT_EQ(RouteOf("CloudConn"), "error");
}

TEST_F(RoutingTest, TwoOutsLetNoConnectorConnect) {
  Read("<ISP>\n<OUT><CloudConn _=\"MODEM\"/></OUT>\n<OUT><SMTP _=\"MODEM\"/></OUT></ISP>");
  EXPECT_THAT(problems_,
              ElementsAre("error 3 /ISP/ISP/OUT: OUT is given twice; remove one of them"));
  EXPECT_EQ(RouteOf("CloudConn"), "error");
}

TEST_F(RoutingTest, AnUnknownConnectorIsAWarning) {
  ReadOut(R"(<CloudConn4 _="MODEM"/>)");
  EXPECT_THAT(problems_, ElementsAre("warning 3 /ISP/ISP/OUT/CloudConn4: 'CloudConn4' is no "
                                     "connector and has no effect; the connectors are CloudConn, "
                                     "CloudConn2 and CloudConn3"));
}

TEST_F(RoutingTest, NoRouteIsNoRoute) {
  for (const char* isp : {"", "<ISP/>", "<ISP><OUT/></ISP>", "<ISP><OUT><CloudConn/></OUT></ISP>",
                          "<ISP><OUT><CloudConn _=\"\"/></OUT></ISP>", "<ISP/><ISP/>"}) {
    Read(isp);
    EXPECT_THAT(problems_, IsEmpty()) << isp;
    EXPECT_EQ(RouteOf("CloudConn"), "none") << isp;
  }
}

// SetConfig of ISP/ISP with a new OUT, spelt in another way.
TEST_F(RoutingTest, ANewOutReplacesTheOldOneInAnyCase) {
  tixml::Node isp = Database("ISP", R"(<ISP><out><CloudConn _="MODEM"/></out></ISP>)");
  Merge({"ISP", "ISP"}, Database("ISP", R"(<OUT><CloudConn _="Ethernet"/></OUT>)").children, isp);
  Read(isp);
  EXPECT_EQ(RouteOf("CloudConn"), "Ethernet eth0");
  Merge({"ISP", "ISP", "Out"}, Database("ISP", R"(<CLOUDCONN _="MODEM"/>)").children, isp);
  Read(isp);
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(RouteOf("CloudConn"), "MODEM wwan0");
}

}  // namespace
}  // namespace fieldgate::config_store
