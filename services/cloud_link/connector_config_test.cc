// What of a changed configuration is taken over on the same connection.
#include "gtest/gtest.h"
#include "services/cloud_link/connector.h"

namespace fieldgate::cloud_link {
namespace {

namespace config = config_store::v1;

config::Connector Config() {
  config::Connector c;
  c.set_name("CloudConn");
  c.set_start(true);
  c.set_base_url("tcp://broker:1883");
  c.set_gateway_id("g");
  c.set_customer_id("c");
  auto& section = *c.add_sections();
  section.set_number(1);
  section.set_send_period_ms(1000);
  section.add_points()->set_path("/Process/Bus1/D/Level");
  return c;
}

TEST(ConnectorConfigurationTest, TellsTheConnectionFromTheDataModel) {
  config::Connector a = Config();
  config::Connector b = a;
  b.mutable_sections(0)->set_send_period_ms(5000);
  EXPECT_TRUE(Connector::SameConnection(a, b));
  EXPECT_FALSE(Connector::SameDataModel(a, b));
  b = a;
  b.set_password("other");
  EXPECT_FALSE(Connector::SameConnection(a, b));
  b = a;
  b.set_interface("wwan0");
  EXPECT_FALSE(Connector::SameConnection(a, b));
  b.clear_interface();
  b.set_route("MODEM");
  EXPECT_TRUE(Connector::SameConnection(a, b));
  EXPECT_FALSE(Connector::SameDataModel(a, b));
  b = a;
  b.mutable_stored_identity()->set_gateway_id("x");
  EXPECT_TRUE(Connector::SameConnection(a, b));
  EXPECT_TRUE(Connector::SameDataModel(a, b));
}

TEST(ConnectorConfigurationTest, AllowedDataBrokersMatterToTheConnectionOnlyIfThereIsOne) {
  config::Connector a = Config();
  a.clear_gateway_id();
  a.clear_customer_id();
  config::Connector b = a;
  b.add_broker_redirect_allow(".example.com");
  EXPECT_TRUE(Connector::SameConnection(a, b));
  b.mutable_stored_identity()->set_data_broker_url("ssl://data:8883");
  EXPECT_FALSE(Connector::SameConnection(a, b));
  a = b;
  a.clear_stored_identity();  // it came after the connector was made
  EXPECT_TRUE(Connector::SameConnection(a, b));
}

}  // namespace
}  // namespace fieldgate::cloud_link
