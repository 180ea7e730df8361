// CS-1 to CS-19: the store on a real database file.
#include "services/config_store/configuration_store.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/sqlite/sqlite.h"
#include "common/tixml/codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config_store/validation/test_support.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::string_view kIsp = R"(<CloudConn>
  <CloudBaseUrl _="tcp://broker"/><CloudConnStart _="1"/><CloudConnType _="FPIL_Tixi_MQTT_1"/>
  <username _="u"/><password _="secret"/>
  <RTSendTime1 _="10"/>
  <Realtime1><P _="/Process/B/D/P" meta_type="custom" meta_unit="V"/></Realtime1>
</CloudConn>)";
constexpr absl::string_view kProcCfg =
    R"(<External><B protocol="Simulated"><D><P/></D></B></External>)";

class ConfigurationStoreTest : public testing::Test {
 protected:
  ConfigurationStoreTest() {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    device_.set_serial_number("01234567");
    device_.set_product_name("WT640");
    Reopen();
  }

  void Reopen() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<ConfigurationStore>> store =
        ConfigurationStore::Open(path_, device_, clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  v1::SetConfigResponse Set(absl::string_view database, absl::string_view children) {
    absl::StatusOr<v1::SetConfigResponse> response =
        store_->SetConfig(database, Database("", children).children, "test");
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::SetConfigResponse());
  }

  // As text; "NOT_FOUND: ..." and the like if it fails.
  std::string Get(absl::string_view database) {
    const absl::StatusOr<ConfigurationStore::Nodes> nodes = store_->GetConfig(database);
    if (!nodes.ok()) return nodes.status().ToString();
    std::string text;
    for (const tixml::Node& node : nodes->nodes) text += tixml::WriteElement(node);
    return text;
  }

  static std::vector<std::string> Messages(const v1::SetConfigResponse& response) {
    std::vector<std::string> messages;
    for (const v1::Problem& problem : response.problems()) {
      messages.push_back(
          absl::StrCat(problem.line(), " ", problem.path(), ": ", problem.message()));
    }
    return messages;
  }

  // What a user sees with the sqlite3 tool: rows as a|b, one a line.
  std::string Query(const std::string& sql) {
    auto database = sqlite::Database::Open(path_);
    auto statement = (*database)->Prepare(sql);
    EXPECT_TRUE(statement.ok()) << statement.status();
    std::string rows;
    while (statement.ok() && statement->Step().value_or(false)) {
      absl::StrAppend(&rows, statement->Text(0), "\n");
    }
    return rows;
  }

  const std::string dir_ = absl::StrCat(getenv("TEST_TMPDIR"), "/store");
  const std::string path_ = dir_ + "/config.db";
  v1::Device device_;
  FakeClock clock_;
  std::unique_ptr<ConfigurationStore> store_;
};

TEST_F(ConfigurationStoreTest, StartsEmptyWithRevision0) {
  EXPECT_EQ(store_->Current()->revision(), 0);
  EXPECT_EQ(store_->Current()->device().serial_number(), "01234567");
  EXPECT_EQ(Get(""), "");
  EXPECT_THAT(Get("ISP"), HasSubstr("NOT_FOUND: there is no database for 'ISP'; none is stored"));
}

TEST_F(ConfigurationStoreTest, EachSetConfigIsOneRevisionAndSurvivesARestart) {
  EXPECT_EQ(Set("PROCCFG", kProcCfg).revision(), 1);
  EXPECT_EQ(Set("ISP", kIsp).revision(), 2);
  EXPECT_EQ(Set("ISP/ISP/OUT", "<CloudConn _=\"Ethernet\"/>").revision(), 3);
  const std::string before = Get("");
  const std::string configuration = store_->Current()->SerializeAsString();
  Reopen();
  EXPECT_EQ(Get(""), before);
  EXPECT_EQ(store_->Current()->SerializeAsString(), configuration);
  EXPECT_EQ(store_->Current()->revision(), 3);
  EXPECT_EQ(store_->Current()->connectors(0).base_url(), "tcp://broker:1883");
  EXPECT_EQ(Get("ISP/ISP"), "<ISP>\n  <OUT>\n    <CloudConn _=\"Ethernet\"/>\n  </OUT>\n</ISP>\n");
}

TEST_F(ConfigurationStoreTest, OneBadSettingAmongGoodOnesChangesNothingAndAllAreListed) {
  Set("ISP", kIsp);
  const std::string before = Get("");
  const v1::SetConfigResponse response = Set("ISP/CloudConn", R"(<QoS _="2"/>
<MQTTKeepAlive _="x"/>
<RTSendTime1 _="0"/>)");
  EXPECT_FALSE(response.applied());
  EXPECT_EQ(response.revision(), 1) << "the one in force";
  EXPECT_THAT(Messages(response),
              ElementsAre("2 /ISP/CloudConn/MQTTKeepAlive: 'x' is not a whole number",
                          "3 /ISP/CloudConn/RTSendTime1: '0' is out of range",
                          "0 /ISP/CloudConn/Realtime1/P: nothing gives the value '/Process/B/D/P'; "
                          "it is sent as invalid"));
  EXPECT_EQ(Get(""), before);
  EXPECT_EQ(store_->Current()->revision(), 1);
  Reopen();
  EXPECT_EQ(Get(""), before);
}

TEST_F(ConfigurationStoreTest, LinesAreThoseOfTheLastTextOnly) {
  Set("ISP", absl::StrCat("\n\n\n", kIsp, "<CloudConn9/>"));
  const v1::SetConfigResponse response = Set("ISP", "<Other/>");
  EXPECT_THAT(Messages(response),
              testing::Contains("0 /ISP/CloudConn9: 'CloudConn9' is no connector and has no "
                                "effect"));
}

TEST_F(ConfigurationStoreTest, AnotherDatabaseIsStoredAsItCame) {
  EXPECT_THAT(Messages(Set("MY_OWN", "<A k=\"°\">text<B/></A>")), IsEmpty());
  EXPECT_EQ(Get("MY_OWN"), "<MY_OWN>\n  <A k=\"&#xb0;\">text\n    <B/>\n  </A>\n</MY_OWN>\n");
}

TEST_F(ConfigurationStoreTest, APathThatNamesNoDatabaseIsInvalid) {
  EXPECT_EQ(store_->SetConfig("../x", {}, "").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->GetConfig("../x").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ConfigurationStoreTest, AnEmptySetConfigChangesNothingAndSaysSo) {
  const v1::SetConfigResponse response = Set("ISP", "");
  EXPECT_TRUE(response.applied());
  EXPECT_EQ(response.revision(), 0);
  EXPECT_THAT(Messages(response), ElementsAre("0 /ISP: it has no content, so nothing is changed"));
}

TEST_F(ConfigurationStoreTest, AMissingNodeNamesWhatThereIs) {
  Set("ISP", kIsp);
  EXPECT_THAT(Get("LOG"), HasSubstr("NOT_FOUND: there is no database for 'LOG'; stored are ISP"));
  EXPECT_THAT(Get("ISP/None"), HasSubstr("NOT_FOUND: the database ISP has no node 'ISP/None'"));
}

TEST_F(ConfigurationStoreTest, SecretsAreMaskedAndSurviveBeingWrittenBack) {
  Set("ISP", kIsp);
  EXPECT_THAT(Get("ISP"), HasSubstr("<password _=\"***\"/>"));
  EXPECT_EQ(Get("ISP/CloudConn/password"), "<password _=\"***\"/>\n");
  const absl::StatusOr<ConfigurationStore::Nodes> isp = store_->GetConfig("ISP");
  ASSERT_TRUE(store_->SetConfig("ISP", isp->nodes[0].children, "edited").ok());
  EXPECT_EQ(store_->Current()->connectors(0).password(), "secret");
  Set("ISP/CloudConn", "<password _=\"new\"/>");
  EXPECT_EQ(store_->Current()->connectors(0).password(), "new");
}

TEST_F(ConfigurationStoreTest, OriginsFollowProccfgAndItsAnswerWarns) {
  EXPECT_THAT(Messages(Set("ISP", kIsp)),
              ElementsAre("5 /ISP/CloudConn/Realtime1/P: nothing gives the value "
                          "'/Process/B/D/P'; it is sent as invalid"));
  EXPECT_EQ(store_->Current()->connectors(0).sections(0).points(0).origin(),
            v1::DataPoint::UNKNOWN);
  EXPECT_THAT(Messages(Set("PROCCFG", kProcCfg)), IsEmpty());
  EXPECT_EQ(store_->Current()->connectors(0).sections(0).points(0).origin(), v1::DataPoint::BUS);
  EXPECT_THAT(Messages(Set("PROCCFG", "<External/>")),
              ElementsAre("0 /ISP/CloudConn/Realtime1/P: nothing gives the value "
                          "'/Process/B/D/P'; it is sent as invalid"));
  EXPECT_EQ(store_->Current()->connectors(0).sections(0).points(0).origin(),
            v1::DataPoint::UNKNOWN);
}

constexpr absl::string_view kEvents = R"(<EventHandler>
  <High><Set _="/Process/B/D/P" value="1"/></High><Low><Get/></Low>
</EventHandler>
<EventStates>
  <TooHot _="/Process/B/D/P" condition="above" value="80" handler="High" endhandler="Low"/>
</EventStates>)";

TEST_F(ConfigurationStoreTest, EventsAreInForceAndTheirWarningsFollowProccfg) {
  EXPECT_THAT(Messages(Set("EVENTS", kEvents)),
              ElementsAre(HasSubstr("there is no value '/Process/B/D/P' yet"),
                          HasSubstr("nothing gives the value '/Process/B/D/P'")));
  EXPECT_THAT(Messages(Set("PROCCFG", kProcCfg)), IsEmpty());
  Reopen();
  ASSERT_EQ(store_->Current()->events().states_size(), 1);
  EXPECT_EQ(store_->Current()->events().states(0).name(), "TooHot");
  EXPECT_EQ(store_->Current()->events().handlers_size(), 2);
  EXPECT_THAT(Messages(Set("PROCCFG", "<External/>")), testing::SizeIs(2));
}

TEST_F(ConfigurationStoreTest, HandlersAreReplacedTogetherOrOneByOne) {
  Set("PROCCFG", kProcCfg);
  Set("EVENTS", kEvents);
  // One of them, and a new one; the others stay.
  EXPECT_TRUE(
      Set("EVENTS/EventHandler", "<Low><DoOn _=\"High\"/></Low><New><Get/></New>").applied());
  ASSERT_EQ(store_->Current()->events().handlers_size(), 3);
  EXPECT_EQ(store_->Current()->events().handlers(1).commands(0).name(), "DoOn");
  // All of them: one that a state still needs would be gone.
  EXPECT_FALSE(Set("EVENTS", "<EventHandler><Low><Get/></Low></EventHandler>").applied());
  // An empty one is none.
  EXPECT_TRUE(Set("EVENTS/EventHandler", "<New/>").applied());
  EXPECT_EQ(store_->Current()->events().handlers_size(), 2);
  EXPECT_TRUE(Set("EVENTS/EventStates", "<TooHot/>").applied());
  EXPECT_EQ(store_->Current()->events().states_size(), 0);
}

TEST_F(ConfigurationStoreTest, TheLast20RevisionsAreKeptAndNoDatabaseIsLost) {
  Set("PROCCFG", kProcCfg);
  Set("USER", "<A/>");
  for (int i = 1; i <= 30; ++i) {
    clock_.Advance(absl::Seconds(1));
    Set("MY_OWN", absl::StrCat("<N _=\"", i, "\"/>"));
  }
  const auto revisions = store_->ListRevisions();
  ASSERT_TRUE(revisions.ok());
  ASSERT_EQ(revisions->size(), 20u);
  EXPECT_EQ(revisions->front().revision(), 32);
  EXPECT_EQ(revisions->front().database(), "MY_OWN");
  EXPECT_EQ(revisions->front().origin(), "test");
  EXPECT_EQ(revisions->front().created_at().seconds(), 1'700'000'030);
  EXPECT_EQ(revisions->back().revision(), 13);
  EXPECT_EQ(Query("SELECT database || ' ' || count(*) FROM database_body GROUP BY database"),
            "MY_OWN 20\nPROCCFG 1\nUSER 1\n");
  Reopen();
  EXPECT_THAT(Get("PROCCFG"), HasSubstr("Simulated"));
  EXPECT_THAT(Get("MY_OWN"), HasSubstr("<N _=\"30\"/>"));
  EXPECT_EQ(store_->Current()->revision(), 32);
}

TEST_F(ConfigurationStoreTest, TheTablesFollowTheConfigurationAndHoldNoPassword) {
  Set("PROCCFG", kProcCfg);
  Set("ISP", kIsp);
  EXPECT_EQ(Query("SELECT name || ' ' || base_url FROM connector"),
            "CloudConn tcp://broker:1883\n");
  EXPECT_EQ(Query("SELECT section || ' ' || mode || ' ' || period_ms FROM realtime_section"),
            "1 cyclic 10000\n");
  EXPECT_EQ(Query("SELECT name || ' ' || path || ' ' || origin FROM realtime_point"),
            "P /Process/B/D/P BUS\n");
  EXPECT_EQ(Query("SELECT name || '=' || value FROM realtime_metadata ORDER BY name"),
            "type=custom\nunit=V\n");
  Set("ISP", "<CloudConn/>");
  EXPECT_EQ(Query("SELECT name FROM realtime_metadata"), "");
  EXPECT_EQ(Query("SELECT name FROM pragma_table_info('connector') WHERE name LIKE '%pass%'"), "");
}

TEST_F(ConfigurationStoreTest, WhenTheDiskIsFullNothingIsChanged) {
  Set("ISP", kIsp);
  const std::string before = Get("");
  store_.reset();
  // A file size limit, in a child since it holds for a whole process.
  const pid_t child = fork();
  if (child == 0) {
    Reopen();
    signal(SIGXFSZ, SIG_IGN);
    const auto size = std::filesystem::file_size(path_ + "-wal");
    const rlimit limit = {size + 4096, size + 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto response = store_->SetConfig(
        "USER", Database("", absl::StrCat("<A _=\"", std::string(100'000, 'x'), "\"/>")).children,
        "");
    _exit(response.status().code() == absl::StatusCode::kUnavailable &&
                  store_->Current()->revision() == 1
              ? 0
              : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  Reopen();
  EXPECT_EQ(Get(""), before);
  EXPECT_EQ(Set("USER", "<A/>").revision(), 2);
}

TEST_F(ConfigurationStoreTest, AKilledProcessLeavesWholeRevisions) {
  store_.reset();
  const pid_t child = fork();
  if (child == 0) {
    Reopen();
    for (int i = 1;; ++i) {
      const std::string n = absl::StrCat(i);
      Set("MY_OWN", absl::StrCat("<A _=\"", n, "\"/><B _=\"", n, "\"/>"));
    }
  }
  // Some revisions later, wherever it is just then.
  for (int waited = 0; waited < 1000; ++waited) {
    usleep(10'000);
    if (std::filesystem::exists(path_ + "-wal") &&
        std::filesystem::file_size(path_ + "-wal") > 200'000) {
      break;
    }
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  Reopen();
  const int64_t revision = store_->Current()->revision();
  EXPECT_GT(revision, 0);
  EXPECT_EQ(Get("MY_OWN"), absl::StrCat("<MY_OWN>\n  <A _=\"", revision, "\"/>\n  <B _=\"",
                                        revision, "\"/>\n</MY_OWN>\n"));
}

TEST_F(ConfigurationStoreTest, IdentitiesAreStoredShownAndForgotten) {
  Set("ISP", kIsp);
  v1::Identity identity;
  identity.set_gateway_id("g");
  identity.set_customer_id("c");
  identity.set_data_broker_url("ssl://data");
  identity.set_data_broker_qos(0);
  ASSERT_EQ(store_->SaveIdentity("CloudConn", identity), absl::OkStatus());
  ASSERT_EQ(store_->SaveIdentity("CloudConn2", identity), absl::OkStatus());
  Reopen();
  const v1::Identity& stored = store_->Current()->connectors(0).stored_identity();
  EXPECT_EQ(stored.gateway_id(), "g");
  EXPECT_EQ(stored.data_broker_url(), "ssl://data:8883");
  EXPECT_TRUE(stored.has_data_broker_qos());
  EXPECT_EQ(store_->Current()->revision(), 1) << "an identity is no revision";
  Set("PROCCFG", kProcCfg);
  EXPECT_TRUE(store_->Current()->connectors(0).has_stored_identity()) << "it stays";

  EXPECT_EQ(store_->DeleteIdentities(), absl::OkStatus());
  EXPECT_EQ(store_->DeleteIdentities(), absl::OkStatus());
  EXPECT_FALSE(store_->Current()->connectors(0).has_stored_identity());
  Reopen();
  EXPECT_FALSE(store_->Current()->connectors(0).has_stored_identity());
}

TEST_F(ConfigurationStoreTest, AWrongIdentityIsRefusedWithItsReason) {
  v1::Identity identity;
  identity.set_gateway_id("g/#");
  identity.set_customer_id("c");
  const auto save = [&](absl::string_view connector) {
    const absl::Status status = store_->SaveIdentity(connector, identity);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(save("CloudConn"), HasSubstr("'g/#' does not match [A-Za-z0-9_.:-]{1,64}"));
  identity.set_gateway_id("g");
  EXPECT_THAT(save("CloudConn4"), HasSubstr("'CloudConn4' is no connector"));
  identity.set_data_broker_qos(3);
  EXPECT_THAT(save("CloudConn"), HasSubstr("'3' is not 0, 1 or 2"));
  identity.set_data_broker_qos(1);
  identity.set_data_broker_url("broker");
  EXPECT_THAT(save("CloudConn"), HasSubstr("does not start with tcp:// or ssl://"));
}

TEST_F(ConfigurationStoreTest, TheListenerHearsOfEachChange) {
  std::vector<int64_t> heard;
  store_->SetListener([&](std::shared_ptr<const v1::Configuration> configuration) {
    heard.push_back(configuration->revision());
  });
  Set("USER", "<A/>");
  Set("PROCCFG", "<External><B/></External>");  // refused
  store_->DeleteIdentities().IgnoreError();
  Set("USER", "<B/>");
  EXPECT_THAT(heard, ElementsAre(1, 1, 2));
}

TEST_F(ConfigurationStoreTest, ADatabaseGrowsBeyondTheParsersLimit) {
  for (int bus = 0; bus < 3; ++bus) {
    std::string points;
    for (int i = 0; i < 2'500; ++i) {
      absl::StrAppend(&points, "<PointWithALongName", i, " type=\"uint16\" offset=\"", i, "\"/>");
    }
    ASSERT_TRUE(Set("PROCCFG/External", absl::StrCat("<Bus", bus, " protocol=\"Simulated\"><D>",
                                                     points, "</D></Bus", bus, ">"))
                    .applied());
  }
  Reopen();
  ASSERT_EQ(store_->Current()->acquisition().buses_size(), 3);
  EXPECT_EQ(store_->Current()->acquisition().buses(2).devices(0).points_size(), 2'500);
}

TEST_F(ConfigurationStoreTest, ADatabaseOfTheFirstVersionIsOpened) {
  store_.reset();
  std::filesystem::remove_all(dir_);
  std::filesystem::create_directory(dir_);
  std::ifstream file("services/config_store/testdata/config_1.sql");
  std::stringstream sql;
  sql << file.rdbuf();
  ASSERT_EQ((*sqlite::Database::Open(path_))->Execute(sql.str()), absl::OkStatus());
  Reopen();
  EXPECT_EQ(store_->Current()->revision(), 4);
  EXPECT_EQ(store_->Current()->connectors(0).stored_identity().gateway_id(), "gw1");
  EXPECT_THAT(Get("USER"), HasSubstr("Operator"));
  // Its SupportLog has lost its first entry to the ring already.
  EXPECT_EQ(store_->ListMessages("SupportLog", 0)->entries(1).message(), "old");
  ASSERT_EQ(store_->AppendMessage(v1::SupportLogEntry()), absl::OkStatus());
  EXPECT_EQ(store_->ListMessages("SupportLog", 0)->total(), 4);
}

TEST_F(ConfigurationStoreTest, ANewerDatabaseIsRefused) {
  store_.reset();
  ASSERT_EQ((*sqlite::Database::Open(path_))->Execute("PRAGMA user_version=99"), absl::OkStatus());
  EXPECT_EQ(ConfigurationStore::Open(path_, device_, clock_).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(ConfigurationStoreTest, ADamagedTextIsDataLossAndNamesTheDatabase) {
  Set("USER", "<A/>");
  store_.reset();
  ASSERT_EQ((*sqlite::Database::Open(path_))
                ->Execute("UPDATE database_body SET body = '<A';"
                          "UPDATE revision SET digest = ''"),
            absl::OkStatus());
  const absl::Status status = ConfigurationStore::Open(path_, device_, clock_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the stored database USER"));
}

TEST_F(ConfigurationStoreTest, ASettingThatIsNotValidAnyMoreHasNoEffectAndCanBeMended) {
  Set("ISP", kIsp);
  store_.reset();
  ASSERT_EQ((*sqlite::Database::Open(path_))
                ->Execute("UPDATE database_body SET body = replace(body, 'tcp:', 'old:');"
                          "UPDATE revision SET digest = ''"),
            absl::OkStatus());
  Reopen();
  EXPECT_EQ(store_->Current()->connectors_size(), 0);
  EXPECT_TRUE(Set("USER", "<A/>").applied()) << "other databases are not held up";
  EXPECT_TRUE(Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://new\"/>").applied());
  EXPECT_EQ(store_->Current()->connectors(0).base_url(), "tcp://new:1883");
}

// CS-153. Otherwise it would connect by another way, which may be an open one.
TEST_F(ConfigurationStoreTest, AConnectorWhoseInterfaceIsNoLongerKnownIsOff) {
  (*device_.mutable_interfaces())["MODEM"] = "wwan0";
  Reopen();
  Set("ISP", kIsp);
  ASSERT_TRUE(Set("ISP/ISP", "<OUT><SMTP _=\"X\"/><CloudConn _=\"MODEM\"/></OUT>").applied());
  EXPECT_EQ(store_->Current()->connectors(0).interface(), "wwan0");
  device_.clear_interfaces();
  Reopen();
  EXPECT_EQ(store_->Current()->connectors_size(), 0);
  Set("PROCCFG", kProcCfg);
  EXPECT_EQ(store_->Current()->connectors_size(), 0);
  EXPECT_TRUE(Set("ISP/ISP/OUT", "<CloudConn _=\"Ethernet\"/>").applied());
  EXPECT_EQ(store_->Current()->connectors(0).route(), "Ethernet");
  EXPECT_EQ(
      Get("ISP/ISP"),
      "<ISP>\n  <OUT>\n    <SMTP _=\"X\"/>\n    <CloudConn _=\"Ethernet\"/>\n  </OUT>\n</ISP>\n");
}

}  // namespace
}  // namespace fieldgate::config_store
