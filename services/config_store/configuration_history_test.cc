// CS-100 to CS-112: probations, kept revisions and rollback on a real database
// file, in simulated time.
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
#include "services/config_store/configuration_store.h"
#include "services/config_store/validation/test_support.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string Connector(const std::string& name, const std::string& host,
                      const std::string& more = "") {
  return absl::StrCat("<", name, "><CloudBaseUrl _=\"tcp://", host,
                      "\"/><CloudConnStart _=\"1\"/><CloudConnType _=\"FPIL_Tixi_MQTT_1\"/>"
                      "<username _=\"u\"/><password _=\"secret\"/>",
                      more, "</", name, ">");
}

class ConfigurationHistoryTest : public testing::Test {
 protected:
  ConfigurationHistoryTest() {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    device_.set_serial_number("01234567");
    device_.set_product_name("WT640");
    Reopen();
  }

  // A restart of the service, also a kill: nothing is done at the end.
  void Reopen() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<ConfigurationStore>> store =
        ConfigurationStore::Open(path_, device_, clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  v1::SetConfigResponse Set(absl::string_view database, absl::string_view children,
                            absl::string_view connector = "") {
    absl::StatusOr<v1::SetConfigResponse> response =
        store_->SetConfig(database, Database("", children).children, "test", connector);
    EXPECT_TRUE(response.ok()) << response.status();
    EXPECT_TRUE(response->applied()) << response->ShortDebugString();
    return response.value_or(v1::SetConfigResponse());
  }
  v1::SetConfigResponse Rollback(int64_t revision) {
    absl::StatusOr<v1::SetConfigResponse> response = store_->Rollback(revision, "test");
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::SetConfigResponse());
  }

  void Advance(int seconds) {
    clock_.Advance(absl::Seconds(seconds));
    store_->SettleProbations();
  }

  static std::string Text(const absl::StatusOr<ConfigurationStore::Nodes>& nodes) {
    if (!nodes.ok()) return nodes.status().ToString();
    std::string text;
    for (const tixml::Node& node : nodes->nodes) text += tixml::WriteElement(node);
    return text;
  }
  std::string Get(absl::string_view database) { return Text(store_->GetConfig(database)); }

  // "CloudConn 1..2 PENDING", oldest first.
  std::vector<std::string> Probations() const {
    std::vector<std::string> lines;
    for (const v1::Probation& p : store_->Current()->probations()) {
      lines.push_back(absl::StrCat(p.connector(), " ", p.former_revision(), "..", p.revision(), " ",
                                   v1::Probation::State_Name(p.state())));
    }
    return lines;
  }
  std::string Url() const { return store_->Current()->connectors(0).base_url(); }
  std::vector<std::string> SupportLog() {
    std::vector<std::string> lines;
    const auto log = store_->ListMessages("SupportLog", 0);
    for (const v1::SupportLogEntry& entry : log->entries()) {
      lines.push_back(absl::StrCat(entry.source(), ": ", entry.message()));
    }
    return lines;
  }

  const std::string dir_ = absl::StrCat(getenv("TEST_TMPDIR"), "/history");
  const std::string path_ = dir_ + "/config.db";
  v1::Device device_;
  FakeClock clock_;
  std::unique_ptr<ConfigurationStore> store_;
};

// --- Probations ---

TEST_F(ConfigurationHistoryTest, WhatIsNotConfirmedInTimeIsTakenBackAsANewRevision) {
  Set("ISP", Connector("CloudConn", "good"));
  Set("PROCCFG", "<ProcessVars><A/></ProcessVars>", "CloudConn");
  const v1::SetConfigResponse wrong =
      Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://wrong\"/><password _=\"other\"/>", "CloudConn");
  EXPECT_TRUE(wrong.on_probation());
  EXPECT_THAT(Probations(), ElementsAre("CloudConn 2..3 PENDING"));
  Advance(299);
  EXPECT_EQ(Url(), "tcp://wrong:1883");

  Advance(1);
  EXPECT_EQ(Url(), "tcp://good:1883");
  EXPECT_EQ(store_->Current()->connectors(0).password(), "secret") << "the stored secret";
  EXPECT_EQ(store_->Current()->revision(), 4);
  EXPECT_THAT(Probations(), ElementsAre("CloudConn 2..3 TAKEN_BACK"));
  const auto revisions = store_->ListRevisions();
  EXPECT_EQ(revisions->front().database(), "ISP");
  EXPECT_EQ(revisions->front().origin(), "probation of CloudConn: not running within 300 s");
  EXPECT_THAT(SupportLog(),
              ElementsAre("config_store: the settings of CloudConn were taken back: not running "
                          "within 300 s with those of revision 3; revision 4 has those of revision "
                          "2 again"));
  EXPECT_THAT(Get("PROCCFG"), HasSubstr("<A/>")) << "only ISP goes back";

  const std::string before = Get("");
  Reopen();
  EXPECT_EQ(Get(""), before);
  EXPECT_THAT(Probations(), ElementsAre("CloudConn 2..3 TAKEN_BACK"));
  Advance(100'000);
  EXPECT_EQ(store_->Current()->revision(), 4) << "what came back is not on probation";
}

TEST_F(ConfigurationHistoryTest, AConfirmedChangeStaysAndIsToldOnce) {
  Set("ISP", Connector("CloudConn", "good"));
  Set("ISP/CloudConn", "<QoS _=\"2\"/>", "CloudConn");
  int heard = 0;
  store_->SetListener([&](auto) { ++heard; });
  EXPECT_EQ(store_->ConfirmConfiguration("CloudConn", 1), absl::OkStatus());
  EXPECT_THAT(Probations(), ElementsAre("CloudConn 1..2 PENDING"));
  EXPECT_EQ(store_->ConfirmConfiguration("CloudConn", 2), absl::OkStatus());
  EXPECT_EQ(store_->ConfirmConfiguration("CloudConn", 2), absl::OkStatus());
  EXPECT_EQ(store_->ConfirmConfiguration("CloudConn3", 2), absl::OkStatus());
  EXPECT_EQ(heard, 1);
  Reopen();
  EXPECT_THAT(Probations(), ElementsAre("CloudConn 1..2 CONFIRMED"));
  Advance(1000);
  EXPECT_EQ(store_->Current()->connectors(0).qos(), 2);
}

TEST_F(ConfigurationHistoryTest, AfterAKillTheWholeConfirmTimeBeginsAnewAndThenItIsTakenBack) {
  Set("ISP", Connector("CloudConn", "good", "<ConfirmTime _=\"10\"/>"));
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://wrong\"/>", "CloudConn");
  clock_.Advance(absl::Seconds(9));
  Reopen();
  EXPECT_EQ(store_->SettleProbations(), clock_.Now() + absl::Seconds(10));
  Advance(9);
  EXPECT_THAT(Probations(), ElementsAre("CloudConn 1..2 PENDING"));
  Advance(1);
  EXPECT_EQ(Url(), "tcp://good:1883");
}

TEST_F(ConfigurationHistoryTest, ItsFormerSettingsOutliveTheRevisionThatHadThem) {
  Set("ISP", Connector("CloudConn", "good"));
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://wrong\"/>", "CloudConn");
  for (int i = 0; i < 30; ++i) Set("USER", absl::StrCat("<A _=\"", i, "\"/>"));
  Reopen();
  Advance(300);
  EXPECT_EQ(Url(), "tcp://good:1883");
}

TEST_F(ConfigurationHistoryTest, AChangeFromElsewhereStaysAlsoOverARestart) {
  Set("ISP", Connector("CloudConn", "good") + Connector("CloudConn2", "two"));
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://wrong\"/>", "CloudConn");
  Set("ISP/CloudConn2", "<password _=\"new\"/>");
  Reopen();
  Advance(300);
  EXPECT_EQ(Url(), "tcp://good:1883");
  EXPECT_EQ(store_->Current()->connectors(1).password(), "new");
}

v1::Identity MakeIdentity(const std::string& gateway_id) {
  v1::Identity identity;
  identity.set_gateway_id(gateway_id);
  identity.set_customer_id("c");
  identity.set_data_broker_qos(2);
  return identity;
}

TEST_F(ConfigurationHistoryTest, WhatTheFormerPortalGaveComesBackToo) {
  Set("ISP", Connector("CloudConn", "good"));
  ASSERT_EQ(store_->SaveIdentity("CloudConn", MakeIdentity("ours")), absl::OkStatus());
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://foreign\"/>", "CloudConn");
  // That portal accepts a rollout, but never gets it running.
  ASSERT_EQ(store_->SaveIdentity("CloudConn", MakeIdentity("foreign")), absl::OkStatus());
  Reopen();
  Advance(300);
  EXPECT_EQ(store_->Current()->connectors(0).stored_identity().gateway_id(), "ours");
  EXPECT_EQ(store_->Current()->connectors(0).stored_identity().data_broker_qos(), 2);
  Reopen();
  EXPECT_EQ(store_->Current()->connectors(0).stored_identity().gateway_id(), "ours");
}

TEST_F(ConfigurationHistoryTest, AConnectorWithoutIdsBeforeHasNoneAfter) {
  Set("ISP", Connector("CloudConn", "good"));
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://foreign\"/>", "CloudConn");
  ASSERT_EQ(store_->SaveIdentity("CloudConn", MakeIdentity("foreign")), absl::OkStatus());
  Advance(300);
  EXPECT_FALSE(store_->Current()->connectors(0).has_stored_identity());
  Reopen();
  EXPECT_FALSE(store_->Current()->connectors(0).has_stored_identity());
}

TEST_F(ConfigurationHistoryTest, IdsThatWereResetMeanwhileDontComeBack) {
  Set("ISP", Connector("CloudConn", "good"));
  ASSERT_EQ(store_->SaveIdentity("CloudConn", MakeIdentity("ours")), absl::OkStatus());
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://wrong\"/>", "CloudConn");
  ASSERT_EQ(store_->DeleteIdentities(), absl::OkStatus());
  Reopen();
  Advance(300);
  EXPECT_FALSE(store_->Current()->connectors(0).has_stored_identity());
}

TEST_F(ConfigurationHistoryTest, AConfirmedChangeKeepsWhatItsPortalGave) {
  Set("ISP", Connector("CloudConn", "good"));
  ASSERT_EQ(store_->SaveIdentity("CloudConn", MakeIdentity("old")), absl::OkStatus());
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://other\"/>", "CloudConn");
  ASSERT_EQ(store_->SaveIdentity("CloudConn", MakeIdentity("new")), absl::OkStatus());
  ASSERT_EQ(store_->ConfirmConfiguration("CloudConn", 2), absl::OkStatus());
  Advance(1000);
  EXPECT_EQ(store_->Current()->connectors(0).stored_identity().gateway_id(), "new");
}

TEST_F(ConfigurationHistoryTest, APersonAtTheDeviceEndsItByChangingTheSameSettings) {
  Set("ISP", Connector("CloudConn", "good"));
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://wrong\"/>", "CloudConn");
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://mended\"/>");
  EXPECT_THAT(Probations(), ElementsAre("CloudConn 1..2 CONFIRMED"));
  Advance(1000);
  EXPECT_EQ(Url(), "tcp://mended:1883");
}

TEST_F(ConfigurationHistoryTest, ARollbackByAPersonTakesItBackAtOnce) {
  Set("ISP", Connector("CloudConn", "good"));
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://wrong\"/>", "CloudConn");
  EXPECT_EQ(Rollback(1).revision(), 3);
  EXPECT_THAT(Probations(), ElementsAre("CloudConn 1..2 TAKEN_BACK"));
  EXPECT_EQ(store_->SettleProbations(), MonotonicTime::Never());
}

TEST_F(ConfigurationHistoryTest, ARefusedSetConfigChangesNoProbation) {
  Set("ISP", Connector("CloudConn", "good"));
  const auto refused =
      store_->SetConfig("ISP/CloudConn", Database("", "<QoS _=\"9\"/>").children, "", "CloudConn");
  EXPECT_FALSE(refused->applied());
  EXPECT_FALSE(refused->on_probation());
  EXPECT_THAT(Probations(), IsEmpty());
}

TEST_F(ConfigurationHistoryTest, TheDeadlineListenerHearsOfANewDeadline) {
  Set("ISP", Connector("CloudConn", "good"));
  int heard = 0;
  store_->SetDeadlineListener([&] { ++heard; });
  Set("ISP/CloudConn", "<QoS _=\"2\"/>", "CloudConn");
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(store_->SettleProbations(), clock_.Now() + absl::Seconds(300));
}

TEST_F(ConfigurationHistoryTest, OnAFullDiskItIsTakenBackOnceThereIsRoom) {
  Set("ISP", Connector("CloudConn", "good"));
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://wrong\"/>", "CloudConn");
  store_.reset();
  // A file size limit, in a child since it holds for a whole process.
  const pid_t child = fork();
  if (child == 0) {
    Reopen();
    clock_.Advance(absl::Seconds(300));
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit = {0, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    const bool waits = store_->SettleProbations() == clock_.Now() + absl::Seconds(10) &&
                       Url() == "tcp://wrong:1883";
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    Advance(10);
    _exit(waits && Url() == "tcp://good:1883" ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(ConfigurationHistoryTest, FormerSettingsThatCannotBeReadDontStopTheStart) {
  Set("ISP", Connector("CloudConn", "good"));
  Set("ISP/CloudConn", "<QoS _=\"2\"/>", "CloudConn");
  store_.reset();
  ASSERT_EQ((*sqlite::Database::Open(path_))->Execute("UPDATE probation_body SET body = '<A'"),
            absl::OkStatus());
  Reopen();
  EXPECT_THAT(Probations(), ElementsAre("CloudConn 1..2 CONFIRMED"));
  EXPECT_EQ(store_->Current()->connectors(0).qos(), 2);
}

// --- Kept revisions ---

TEST_F(ConfigurationHistoryTest, ARevisionIsReadAsItWasWithSecretsMasked) {
  Set("ISP", Connector("CloudConn", "one"));
  Set("USER", "<A _=\"1\"/>");
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://two\"/>");
  EXPECT_THAT(Text(store_->GetRevision(1, "ISP")), HasSubstr("tcp://one"));
  EXPECT_THAT(Text(store_->GetRevision(1, "")), testing::Not(HasSubstr("USER")));
  EXPECT_THAT(Text(store_->GetRevision(2, "")), HasSubstr("<A _=\"1\"/>"));
  EXPECT_EQ(Text(store_->GetRevision(2, "ISP/CloudConn/CloudBaseUrl")),
            "<CloudBaseUrl _=\"tcp://one\"/>\n");
  EXPECT_EQ(Text(store_->GetRevision(3, "ISP/CloudConn/password")), "<password _=\"***\"/>\n");
  EXPECT_EQ(store_->GetRevision(2, "")->revision, 2);
}

TEST_F(ConfigurationHistoryTest, WhatIsNotKeptIsNotFoundAndTheAnswerSaysWhatIs) {
  EXPECT_THAT(Text(store_->GetRevision(1, "")), HasSubstr("NOT_FOUND: revision 1 is not kept; "
                                                          "there is none yet"));
  for (int i = 0; i < 25; ++i) Set("USER", absl::StrCat("<A _=\"", i, "\"/>"));
  EXPECT_THAT(Text(store_->GetRevision(5, "")),
              HasSubstr("NOT_FOUND: revision 5 is not kept; kept are 6 to 25"));
  EXPECT_THAT(Text(store_->GetRevision(6, "ISP")),
              HasSubstr("NOT_FOUND: revision 6: there is no database for 'ISP'; stored are USER"));
  EXPECT_THAT(store_->Rollback(26, "").status().ToString(), HasSubstr("kept are 6 to 25"));
}

TEST_F(ConfigurationHistoryTest, ARollbackPutsAllDatabasesBackAsOneRevision) {
  Set("ISP", Connector("CloudConn", "one"));
  Set("PROCCFG", "<External><B protocol=\"Simulated\"><D><P/></D></B></External>");
  const std::string then = Get("");
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://two\"/><password _=\"other\"/>");
  Set("PROCCFG", "<External/>");
  Set("USER", "<A/>");
  const v1::SetConfigResponse response = Rollback(2);
  EXPECT_TRUE(response.applied());
  EXPECT_EQ(response.revision(), 6);
  EXPECT_EQ(Get(""), then);
  EXPECT_EQ(store_->Current()->connectors(0).password(), "secret");
  EXPECT_EQ(store_->Current()->acquisition().buses_size(), 1);
  const auto revisions = store_->ListRevisions();
  EXPECT_EQ(revisions->front().database(), "ISP, PROCCFG, USER");
  EXPECT_EQ(revisions->front().origin(), "test");
  const std::string configuration = store_->Current()->SerializeAsString();
  Reopen();
  EXPECT_EQ(Get(""), then) << "USER is gone";
  EXPECT_EQ(store_->Current()->SerializeAsString(), configuration);
  EXPECT_TRUE(Rollback(5).applied()) << "and forward again";
  EXPECT_THAT(Get("USER"), HasSubstr("<A/>"));
  EXPECT_EQ(store_->Current()->connectors(0).password(), "other");
}

TEST_F(ConfigurationHistoryTest, ARollbackToWhatIsInForceChangesNothingAndSaysSo) {
  Set("USER", "<A/>");
  const v1::SetConfigResponse response = Rollback(1);
  EXPECT_TRUE(response.applied());
  EXPECT_EQ(response.revision(), 1);
  ASSERT_THAT(response.problems(), SizeIs(1));
  EXPECT_EQ(response.problems(0).message(), "revision 1 is what is in force");
}

TEST_F(ConfigurationHistoryTest, ARollbackListsItsWarningsOnce) {
  Set("PROCCFG", "<External><B protocol=\"Simulated\"><D><P/></D></B></External>");
  Set("PROCCFG", "<External/>");
  Set("ISP", Connector("CloudConn", "one",
                       "<RTSendTime1 _=\"1\"/><Realtime1><P _=\"/Process/None/D/P\" "
                       "meta_type=\"custom\"/></Realtime1>"));
  Set("ISP/CloudConn", "<Realtime1/>");
  const v1::SetConfigResponse response = Rollback(3);
  EXPECT_TRUE(response.applied());
  ASSERT_THAT(response.problems(), SizeIs(1)) << response.ShortDebugString();
  EXPECT_THAT(response.problems(0).message(), HasSubstr("nothing gives the value"));
}

TEST_F(ConfigurationHistoryTest, ARevisionThatIsNotValidAnyMoreIsRefusedWhole) {
  Set("ISP", Connector("CloudConn", "one"));
  Set("USER", "<A/>");
  Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://two\"/>");
  // As an older program may have stored it.
  store_.reset();
  ASSERT_EQ(
      (*sqlite::Database::Open(path_))
          ->Execute("UPDATE database_body SET body = replace(body, 'tcp://one', 'old://one')"),
      absl::OkStatus());
  Reopen();
  const std::string before = Get("");
  const v1::SetConfigResponse response = Rollback(1);
  EXPECT_FALSE(response.applied());
  EXPECT_EQ(response.revision(), 3);
  ASSERT_THAT(response.problems(), SizeIs(1));
  EXPECT_EQ(response.problems(0).path(), "/ISP/CloudConn/CloudBaseUrl");
  EXPECT_EQ(Get(""), before);
  EXPECT_EQ(store_->Current()->revision(), 3);
}

TEST_F(ConfigurationHistoryTest, ADatabaseOfTheFirstVersionIsUpgraded) {
  store_.reset();
  std::filesystem::remove_all(dir_);
  std::filesystem::create_directory(dir_);
  std::ifstream file("services/config_store/testdata/config_1.sql");
  std::stringstream sql;
  sql << file.rdbuf();
  ASSERT_EQ((*sqlite::Database::Open(path_))->Execute(sql.str()), absl::OkStatus());
  Reopen();
  EXPECT_THAT(Probations(), IsEmpty());
  const std::string url = Url();
  EXPECT_TRUE(
      Set("ISP/CloudConn", "<CloudBaseUrl _=\"tcp://wrong\"/>", "CloudConn").on_probation());
  Advance(300);
  EXPECT_EQ(Url(), url);
  EXPECT_TRUE(Rollback(5).applied());
  EXPECT_EQ(Url(), "tcp://wrong:1883");
}

}  // namespace
}  // namespace fieldgate::config_store
