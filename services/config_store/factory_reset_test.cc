// CS-120 to CS-123: back to the factory's configuration, on a real database file.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config_store/configuration_store.h"
#include "services/config_store/factory_file.h"

namespace fieldgate::config_store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kFactory[] = R"([<SetConfig _="ISP">
  <CloudConn><CloudBaseUrl _="tcp://factory.example.com"/><CloudConnStart _="1"/>
  <CloudConnType _="FPIL_Tixi_MQTT_1"/></CloudConn>
</SetConfig>]
[<SetConfig _="PROCCFG"><ProcessVars><Level value="1"/></ProcessVars></SetConfig>])";

class FactoryResetTest : public testing::Test {
 protected:
  FactoryResetTest() {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    device_.set_serial_number("01234567");
    device_.set_product_name("WT640");
    Reopen();
    const auto owner = Commands(R"(<SetConfig _="ISP"><CloudConn>
        <CloudBaseUrl _="tcp://owner.example.com"/><CloudConnStart _="1"/>
        <CloudConnType _="FPIL_Tixi_MQTT_1"/><username _="u"/><password _="secret"/>
        </CloudConn></SetConfig>
        <SetConfig _="USER"><AccRights/></SetConfig>)");
    for (const tixml::Node& command : *owner) {
      EXPECT_TRUE(store_->SetConfig(*command.Find("_"), command.children, "owner")->applied());
    }
    v1::Identity identity;
    identity.set_gateway_id("gw-1");
    identity.set_customer_id("customer-1");
    EXPECT_TRUE(store_->SaveIdentity("CloudConn", identity).ok());
  }

  void Reopen() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<ConfigurationStore>> store =
        ConfigurationStore::Open(dir_ + "/config.db", device_, clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  // As the file has them.
  absl::StatusOr<std::vector<tixml::Node>> Commands(const std::string& text) {
    std::ofstream(dir_ + "/factory.tixml") << text;
    return ReadFactoryFile(dir_ + "/factory.tixml");
  }
  absl::StatusOr<v1::SetConfigResponse> Reset(const std::string& text,
                                              absl::string_view connector = "",
                                              bool check_only = false) {
    const absl::StatusOr<std::vector<tixml::Node>> commands = Commands(text);
    if (!commands.ok()) return commands.status();
    return store_->FactoryReset(*commands, "portal CloudConn", connector, check_only);
  }
  std::string Url() const {
    return store_->Current()->connectors_size() == 0 ? "none"
                                                     : store_->Current()->connectors(0).base_url();
  }

  const std::string dir_ = absl::StrCat(getenv("TEST_TMPDIR"), "/factory");
  v1::Device device_;
  FakeClock clock_;
  std::unique_ptr<ConfigurationStore> store_;
};

TEST_F(FactoryResetTest, OnlyTheFactorysConfigurationIsLeft) {
  ASSERT_TRUE(Reset(kFactory)->applied());
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(Url(), "tcp://factory.example.com:1883");
    EXPECT_EQ(store_->Current()->factory_epoch(), 1);
    EXPECT_FALSE(store_->Current()->connectors(0).has_stored_identity());
    EXPECT_THAT(store_->Current()->acquisition().process_variables(), SizeIs(1));
    EXPECT_TRUE(absl::IsNotFound(store_->GetConfig("USER").status()));
    Reopen();
  }
}

TEST_F(FactoryResetTest, NothingOfTheFormerOwnerIsInTheFile) {
  ASSERT_TRUE(Reset(kFactory)->applied());
  EXPECT_THAT(*store_->ListRevisions(), SizeIs(1));
  const auto log = store_->ListMessages("SupportLog", 0);
  ASSERT_THAT(log->entries(), SizeIs(1));
  EXPECT_THAT(log->entries(0).message(), HasSubstr("factory reset by portal CloudConn"));
}

TEST_F(FactoryResetTest, RevisionsGoOnCounting) {
  const int64_t before = store_->Current()->revision();
  EXPECT_EQ(Reset(kFactory)->revision(), before + 1);
}

TEST_F(FactoryResetTest, WithoutAFileTheConfigurationIsEmpty) {
  const auto none = ReadFactoryFile(dir_ + "/nothing.tixml");
  ASSERT_TRUE(none.ok()) << none.status();
  ASSERT_TRUE(store_->FactoryReset(*none, "command line", "", false)->applied());
  EXPECT_EQ(Url(), "none");
}

TEST_F(FactoryResetTest, ThroughAConnectorTheGatewayStaysInReach) {
  const auto unreachable = Reset(R"([<SetConfig _="USER"><AccRights/></SetConfig>])", "CloudConn");
  EXPECT_TRUE(absl::IsFailedPrecondition(unreachable.status()));
  EXPECT_THAT(std::string(unreachable.status().message()), HasSubstr("factory.tixml"));
  EXPECT_EQ(Url(), "tcp://owner.example.com:1883");
  EXPECT_TRUE(Reset(kFactory, "CloudConn")->applied());
}

TEST_F(FactoryResetTest, ACheckChangesNothing) {
  EXPECT_TRUE(Reset(kFactory, "", /*check_only=*/true)->applied());
  EXPECT_EQ(Url(), "tcp://owner.example.com:1883");
  EXPECT_EQ(store_->Current()->factory_epoch(), 0);
}

TEST_F(FactoryResetTest, AFactoryFileWithAProblemIsRefusedWhole) {
  const auto wrong = Reset(R"([<SetConfig _="ISP"><CloudConn><CloudBaseUrl _="http://x"/>
      <CloudConnStart _="1"/><CloudConnType _="FPIL_Tixi_MQTT_1"/></CloudConn></SetConfig>])");
  ASSERT_TRUE(wrong.ok()) << wrong.status();
  EXPECT_FALSE(wrong->applied());
  EXPECT_EQ(wrong->problems(0).path(), "/ISP/CloudConn/CloudBaseUrl");
  EXPECT_EQ(Url(), "tcp://owner.example.com:1883");
}

TEST_F(FactoryResetTest, AFileThatIsNoListOfSetConfigNamesTheLine) {
  const auto get = Reset("[<SetConfig _=\"USER\"/>]\n[<Get/>]");
  EXPECT_TRUE(absl::IsFailedPrecondition(get.status()));
  EXPECT_THAT(std::string(get.status().message()), HasSubstr("line 2"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Reset("[<SetConfig").status()));
}

}  // namespace
}  // namespace fieldgate::config_store
