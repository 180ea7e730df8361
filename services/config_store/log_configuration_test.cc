// CS-130 to CS-149: LOG in the store, with what ISP and PROCCFG have to do with it.
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/sqlite/sqlite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config_store/configuration_store.h"
#include "services/config_store/validation/test_support.h"

namespace fieldgate::config_store {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr absl::string_view kIsp = R"(<CloudConn>
  <CloudBaseUrl _="tcp://broker"/><CloudConnStart _="1"/><CloudConnType _="FPIL_Tixi_MQTT_1"/>
  <Realtime1><P _="/Process/B/D/P" meta_type="custom"/></Realtime1>
</CloudConn>)";
constexpr absl::string_view kProcCfg =
    R"(<External><B protocol="Simulated"><D><P/></D></B></External>)";
constexpr absl::string_view kLog =
    R"(<Energy cycle="60"><P _="/Process/B/D/P" meta_type="custom"/></Energy>)";

class LogConfigurationTest : public testing::Test {
 protected:
  LogConfigurationTest() {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    Reopen();
  }

  void Reopen() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<ConfigurationStore>> store =
        ConfigurationStore::Open(path_, v1::Device(), clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  v1::SetConfigResponse Set(absl::string_view database, absl::string_view children) {
    absl::StatusOr<v1::SetConfigResponse> response =
        store_->SetConfig(database, Database("", children).children, "test");
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::SetConfigResponse());
  }

  static std::vector<std::string> Messages(const v1::SetConfigResponse& response) {
    std::vector<std::string> messages;
    for (const v1::Problem& problem : response.problems()) {
      messages.push_back(
          absl::StrCat(problem.line(), " ", problem.path(), ": ", problem.message()));
    }
    return messages;
  }

  const std::string dir_ = absl::StrCat(getenv("TEST_TMPDIR"), "/logs");
  const std::string path_ = dir_ + "/config.db";
  FakeClock clock_;
  std::unique_ptr<ConfigurationStore> store_;
};

TEST_F(LogConfigurationTest, LogsAreTypedAndSurviveARestart) {
  EXPECT_THAT(Messages(Set("LOG", kLog)),
              ElementsAre("1 /LOG/Energy/P: nothing gives the value '/Process/B/D/P'; it is "
                          "recorded as invalid"));
  Reopen();
  ASSERT_EQ(store_->Current()->logs_size(), 1);
  EXPECT_EQ(store_->Current()->logs(0).name(), "Energy");
  EXPECT_EQ(store_->Current()->logs(0).cycle_ms(), 60'000u);
}

TEST_F(LogConfigurationTest, AWrongLogRefusesTheSetConfigAndAllProblemsAreListed) {
  Set("LOG", kLog);
  const v1::SetConfigResponse response =
      Set("LOG", "<Energy cycle=\"0\"><P/></Energy>\n<Login><P _=\"/SerialNo\"/></Login>");
  EXPECT_FALSE(response.applied());
  EXPECT_THAT(
      Messages(response),
      ElementsAre("1 /LOG/Energy/@cycle: '0' is out of range", "1 /LOG/Energy/P: _ is missing",
                  "1 /LOG/Energy/P: meta_type is missing; custom is sent",
                  "2 /LOG/Login: Login is the gateway's own log of messages",
                  "2 /LOG/Login/P: meta_type is missing; custom is sent"));
  EXPECT_EQ(store_->Current()->logs(0).cycle_ms(), 60'000u);
}

TEST_F(LogConfigurationTest, LogsAndWhatConnectorsSendOfThemFollowProccfgAndLog) {
  EXPECT_THAT(Messages(Set("ISP", kIsp)), SizeIs(1));
  EXPECT_THAT(Messages(Set("ISP/CloudConn", "<Log1 _=\"Energy\"/>")),
              Contains("1 /ISP/CloudConn/Log1: there is no log 'Energy'; nothing of it is "
                       "sent"));
  ASSERT_EQ(store_->Current()->connectors_size(), 1);
  EXPECT_EQ(store_->Current()->connectors(0).log_sections_size(), 0);

  EXPECT_TRUE(Set("LOG", kLog).applied());
  ASSERT_EQ(store_->Current()->connectors(0).log_sections_size(), 1);
  EXPECT_EQ(store_->Current()->connectors(0).log_sections(0).points(0).origin(),
            v1::DataPoint::UNKNOWN);

  EXPECT_THAT(Messages(Set("PROCCFG", kProcCfg)), IsEmpty());
  EXPECT_EQ(store_->Current()->logs(0).points(0).origin(), v1::DataPoint::BUS);
  EXPECT_EQ(store_->Current()->connectors(0).log_sections(0).points(0).origin(),
            v1::DataPoint::BUS);
  const std::string configuration = store_->Current()->SerializeAsString();
  Reopen();
  EXPECT_EQ(store_->Current()->SerializeAsString(), configuration);

  EXPECT_THAT(Messages(Set("LOG", "<Energy/>")),
              ElementsAre("0 /ISP/CloudConn/Log1: there is no log 'Energy'; nothing of it is "
                          "sent"));
  EXPECT_EQ(store_->Current()->logs_size(), 0);
  EXPECT_EQ(store_->Current()->connectors(0).log_sections_size(), 0);
}

TEST_F(LogConfigurationTest, ALogThatItsConnectorCouldNotSendIsRefused) {
  Set("PROCCFG", kProcCfg);
  Set("LOG", kLog);
  ASSERT_TRUE(Set("ISP", kIsp).applied());
  ASSERT_TRUE(Set("ISP/CloudConn", "<Log1 _=\"Energy\"/>").applied());
  const v1::SetConfigResponse response =
      Set("LOG", "<Energy><P _=\"/Process/B_D/P\" meta_type=\"custom\"/></Energy>");
  EXPECT_FALSE(response.applied());
  EXPECT_THAT(Messages(response),
              Contains(HasSubstr("0 /ISP/CloudConn/Log1: '/Process/B_D/P' is sent as "
                                 "sensor P of controller Process_B_D, and so is")));
  EXPECT_EQ(store_->Current()->connectors_size(), 1);
}

TEST_F(LogConfigurationTest, AConnectorWithErrorsDoesNotHoldUpLog) {
  Set("ISP", kIsp);
  store_.reset();
  ASSERT_EQ((*sqlite::Database::Open(path_))
                ->Execute("UPDATE database_body SET body = replace(body, 'tcp:', 'old:');"
                          "UPDATE revision SET digest = ''"),
            absl::OkStatus());
  Reopen();
  EXPECT_TRUE(Set("LOG", kLog).applied());
}

}  // namespace
}  // namespace fieldgate::config_store
