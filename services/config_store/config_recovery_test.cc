// config.db that is damaged: the newest sound revision is in force.
#include "services/config_store/config_recovery.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/sqlite.h"
#include "common/time/clock.h"
#include "common/tixml/codec.h"
#include "services/config_store/configuration_store.h"
#include "services/config_store/validation/test_support.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr size_t kPage = 4096;

class ConfigRecoveryTest : public testing::Test {
 protected:
  ConfigRecoveryTest() {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
  }
  ~ConfigRecoveryTest() override {
    store_.reset();
    std::filesystem::remove_all(dir_);
  }

  void Open() {
    v1::Device device;
    device.set_serial_number("1");
    absl::StatusOr<std::unique_ptr<ConfigurationStore>> store =
        ConfigurationStore::Open(path_, device, clock_);
    if (absl::IsDataLoss(store.status())) {
      // SQLite saw nothing wrong; as the service does, with a start between.
      ASSERT_EQ(sqlite::NoteDamage(sqlite::RealDisk(), path_, store.status().message()),
                absl::OkStatus());
      ASSERT_TRUE(Recover().has_value());
      store = ConfigurationStore::Open(path_, device, clock_);
    }
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  // A revision whose USER database says `value`, with a text of some pages.
  void Set(const std::string& value) {
    tixml::Node node;
    node.name = "Value";
    node.attributes = {{"_", absl::StrCat(value, ":", std::string(6000, 'x'))}};
    const auto set = store_->SetConfig("USER", {node}, "test");
    ASSERT_TRUE(set.ok()) << set.status();
    ASSERT_TRUE(set->applied());
  }
  // What it says; "" if there is none.
  std::string Value() {
    const auto nodes = store_->GetConfig("USER");
    if (!nodes.ok() || nodes->nodes.empty() || nodes->nodes[0].children.empty()) return "";
    const std::string* value = nodes->nodes[0].children[0].Find("_");
    return value == nullptr ? "" : value->substr(0, value->find(':'));
  }

  void Fill() {
    Open();
    for (int i = 1; i <= 12; ++i) Set(absl::StrCat("v", i));
    v1::Identity identity;
    identity.set_gateway_id("gw");
    identity.set_customer_id("cu");
    ASSERT_TRUE(store_->SaveIdentity("CloudConn", identity).ok());
    v1::SupportLogEntry entry;
    entry.set_source("test");
    entry.set_message("hello");
    ASSERT_TRUE(store_->AppendMessage(entry).ok());
    store_.reset();
  }

  // With a text of several parts.
  void SetIsp(const std::string& host, const std::string& connector) {
    tixml::Node isp =
        Database("ISP", absl::StrCat("<CloudConn><CloudBaseUrl _=\"tcp://", host,
                                     "\"/><CloudConnStart _=\"1\"/>"
                                     "<CloudConnType _=\"FPIL_Tixi_MQTT_1\"/></CloudConn>"));
    tixml::Node other;
    other.name = "Other";
    for (int i = 0; i < 50; ++i) {
      tixml::Node& node = other.children.emplace_back();
      node.name = absl::StrCat("E", i);
      node.Set("_", std::string(6000, 'o'));
    }
    isp.children.push_back(std::move(other));
    const auto set = store_->SetConfig("ISP", isp.children, "test", connector);
    ASSERT_TRUE(set.ok()) << set.status();
    ASSERT_TRUE(set->applied()) << set->ShortDebugString();
    ASSERT_EQ(set->on_probation(), !connector.empty());
  }
  // A confirmed change, a pending one as the last revision, and some pages of messages.
  void FillWithProbation() {
    Open();
    SetIsp("first", "");
    SetIsp("good", "CloudConn");
    ASSERT_TRUE(store_->ConfirmConfiguration("CloudConn", 2).ok());
    SetIsp("wrong", "CloudConn");
    v1::SupportLogEntry entry;
    entry.set_source("test");
    entry.set_message(std::string(400, 'm'));
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(store_->AppendMessage(entry).ok());
    ASSERT_THAT(Probations(), ElementsAre("1..2 CONFIRMED", "2..3 PENDING"));
    store_.reset();
  }
  void ExecuteSql(const std::string& sql) {
    ASSERT_EQ(sqlite::Database::Open(path_).value()->Execute(sql), absl::OkStatus());
  }
  // A page of messages is lost.
  void ZeroMessagePage() {
    std::string bytes = Bytes();
    const size_t at = bytes.find(std::string(400, 'm'));
    ASSERT_NE(at, std::string::npos);
    bytes.replace(at / kPage * kPage, kPage, kPage, '\0');
    Write(bytes);
  }
  // "1..2 CONFIRMED", oldest first.
  std::vector<std::string> Probations() const {
    std::vector<std::string> lines;
    for (const v1::Probation& p : store_->Current()->probations()) {
      lines.push_back(absl::StrCat(p.former_revision(), "..", p.revision(), " ",
                                   v1::Probation::State_Name(p.state())));
    }
    return lines;
  }
  std::string Url() const { return store_->Current()->connectors(0).base_url(); }
  void Advance(int seconds) {
    clock_.Advance(absl::Seconds(seconds));
    store_->SettleProbations();
  }

  std::optional<sqlite::Recovery> Recover() {
    absl::StatusOr<std::optional<sqlite::Recovery>> recovery =
        RecoverConfig(path_, sqlite::RealDisk(), clock_.WallNow());
    EXPECT_TRUE(recovery.ok()) << recovery.status();
    return recovery.ok() ? *recovery : std::nullopt;
  }

  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }
  void Write(const std::string& bytes) const {
    std::filesystem::remove(path_ + "-wal");
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  const std::string dir_ = absl::StrCat(getenv("TEST_TMPDIR"), "/config");
  const std::string path_ = dir_ + "/config.db";
  FakeClock clock_{absl::FromUnixSeconds(1'795'656'600)};
  std::unique_ptr<ConfigurationStore> store_;
};

TEST_F(ConfigRecoveryTest, OfEachZeroedPageASoundRevisionIsInForce) {
  Fill();
  const std::string sound = Bytes();
  ASSERT_GT(sound.size() / kPage, 20u);
  int fell_back = 0;
  for (size_t page = 0; page < sound.size() / kPage; ++page) {
    SCOPED_TRACE(absl::StrCat("page ", page + 1));
    std::string bytes = sound;
    bytes.replace(page * kPage, kPage, kPage, '\0');
    Write(bytes);
    clock_.Advance(absl::Seconds(1));
    const auto recovery = Recover();
    Open();
    const std::string value = Value();
    if (value == "v12") {
      // It was not hurt.
    } else {
      EXPECT_TRUE(value == "v11" || value == "v10") << value << ": a page has two texts at most";
      ++fell_back;
    }
    const int64_t revision = store_->Current()->revision();
    if (recovery.has_value() && revision != 12) {
      EXPECT_GT(revision, 12);
    }
    Set("next");
    EXPECT_GT(store_->Current()->revision(), 12) << "no number comes twice";
    store_.reset();
  }
  EXPECT_GE(fell_back, 1);
}

TEST_F(ConfigRecoveryTest, ASoundFileStaysAsItIs) {
  Fill();
  const std::string before = Bytes();
  EXPECT_FALSE(Recover().has_value());
  EXPECT_EQ(Bytes(), before);
}

TEST_F(ConfigRecoveryTest, OfADamagedHeaderNothingIsLost) {
  Fill();
  std::string bytes = Bytes();
  bytes[20] = 9;
  Write(bytes);
  const auto recovery = Recover();
  ASSERT_TRUE(recovery.has_value());
  EXPECT_THAT(recovery->effect, HasSubstr("revision 12 is in force as before"));
  Open();
  EXPECT_EQ(Value(), "v12");
  EXPECT_EQ(store_->Current()->revision(), 12);
  EXPECT_EQ(store_->ListMessages("SupportLog", 10)->entries_size(), 1);
  EXPECT_EQ(store_->ListRevisions()->size(), 12u);
}

TEST_F(ConfigRecoveryTest, ATextThatWasChangedOnTheDiskIsNotInForce) {
  Fill();
  std::string bytes = Bytes();
  const size_t at = bytes.rfind("v12:");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 100] = 'y';  // it still parses
  bytes[20] = 9;
  Write(bytes);
  const auto recovery = Recover();
  ASSERT_TRUE(recovery.has_value());
  Open();
  EXPECT_EQ(Value(), "v11");
  EXPECT_THAT(recovery->effect, HasSubstr("with the content of revision 11"));
  EXPECT_THAT(store_->ListRevisions()->front().origin(), HasSubstr("revision 11"));
}

TEST_F(ConfigRecoveryTest, ATextThatSqliteTakesForSoundIsComparedAtEachStart) {
  Fill();
  std::string bytes = Bytes();
  const size_t at = bytes.rfind("v12:");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 100] = 'y';
  Write(bytes);
  EXPECT_FALSE(Recover().has_value());
  Open();
  EXPECT_EQ(Value(), "v11");
}

TEST_F(ConfigRecoveryTest, WhenNothingIsLeftTheFactorysConfigurationIsInForce) {
  Fill();
  Write(std::string(20'000, 'x'));
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_EQ(Value(), "");
  ASSERT_TRUE(store_->NothingLeft());
  const int64_t epoch = store_->Current()->factory_epoch();
  const auto commands = tixml::Parse("[<SetConfig _=\"USER\"><Value _=\"factory:\"/></SetConfig>]");
  ASSERT_TRUE(commands.ok()) << commands.status();
  const auto adopted = store_->AdoptFactory(commands->nodes);
  ASSERT_TRUE(adopted.ok() && adopted->applied()) << adopted.status();
  EXPECT_EQ(Value(), "factory");
  EXPECT_GT(store_->Current()->revision(), 12);
  EXPECT_EQ(store_->Current()->factory_epoch(), epoch) << "it is no factory reset";
  EXPECT_FALSE(store_->NothingLeft());
}

TEST_F(ConfigRecoveryTest, AnEmptiedFileIsDamagedIfItHadRevisions) {
  Fill();
  Write("");
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_TRUE(store_->NothingLeft());
  EXPECT_GT(store_->Current()->revision(), 12);
}

TEST_F(ConfigRecoveryTest, AMissingFileIsDamagedIfItHadRevisions) {
  Fill();
  const int64_t ceiling = ReadRevisionCeiling(sqlite::RealDisk(), path_);
  std::filesystem::remove(path_);
  const auto recovery = Recover();
  ASSERT_TRUE(recovery.has_value());
  EXPECT_EQ(recovery->put_aside, "");
  Open();
  EXPECT_TRUE(store_->NothingLeft());
  EXPECT_GE(store_->Current()->revision(), ceiling);
  store_.reset();

  std::filesystem::remove(path_);
  std::filesystem::remove(path_ + ".witness");
  EXPECT_FALSE(Recover().has_value()) << "this is how to begin anew";
}

TEST_F(ConfigRecoveryTest, AFileOfBeforeTheDigestsIsSalvagedByItsTexts) {
  Fill();
  ASSERT_TRUE(
      sqlite::Database::Open(path_).value()->Execute("UPDATE revision SET digest = ''").ok());
  std::string bytes = Bytes();
  bytes[20] = 9;
  Write(bytes);
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_EQ(Value(), "v12");
}

TEST_F(ConfigRecoveryTest, AFileOfVersion4IsUpgradedSoundOrDamaged) {
  std::ifstream sql("services/config_store/testdata/config_4.sql");
  std::stringstream text;
  text << sql.rdbuf();
  ASSERT_FALSE(text.str().empty());
  ASSERT_TRUE(sqlite::Database::Open(path_).value()->Execute(text.str()).ok());
  EXPECT_FALSE(Recover().has_value());
  const std::string old = Bytes();
  Open();
  EXPECT_EQ(store_->Current()->revision(), 7);
  EXPECT_EQ(Value(), "seven");
  store_.reset();

  std::string bytes = old;
  bytes[20] = 9;
  Write(bytes);
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_EQ(store_->Current()->revision(), 7);
  EXPECT_EQ(Value(), "seven");
  EXPECT_EQ(store_->ListMessages("SupportLog", 10)->total(), 3);
}

TEST_F(ConfigRecoveryTest, TheLast20RevisionsAreKeptOverTheGapOfARecovery) {
  Fill();
  std::string bytes = Bytes();
  const size_t at = bytes.rfind("v12:");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 100] = 'y';
  bytes[20] = 9;
  Write(bytes);
  ASSERT_TRUE(Recover().has_value());
  Open();
  const int64_t gap = store_->Current()->revision();
  ASSERT_GT(gap, 500);
  Set("next");
  EXPECT_EQ(store_->ListRevisions()->size(), 13u) << "11, that of the recovery and the next one";
  EXPECT_THAT(store_->GetRevision(12, "").status().ToString(),
              HasSubstr(absl::StrCat("kept are 1 to 11, ", gap, " to ", gap + 1)));
  ASSERT_TRUE(store_->Rollback(5, "test").ok());
  EXPECT_EQ(Value(), "v5");

  for (int i = 0; i < 8; ++i) Set("more");
  EXPECT_EQ(store_->ListRevisions()->size(), 20u);
  EXPECT_EQ(store_->ListRevisions()->back().revision(), 3);
  EXPECT_TRUE(store_->GetRevision(3, "USER").ok()) << "with its text";
}

// --- Probations (CS-174) ---

TEST_F(ConfigRecoveryTest, AProbationOfTheRevisionThatStaysInForceIsTakenBackAfterItsTime) {
  FillWithProbation();
  ZeroMessagePage();
  const auto recovery = Recover();
  ASSERT_TRUE(recovery.has_value());
  EXPECT_THAT(recovery->effect, HasSubstr("with the content of revision 3"));
  Open();
  EXPECT_EQ(Url(), "tcp://wrong:1883");
  EXPECT_THAT(Probations(), ElementsAre("1..2 CONFIRMED", "2..3 PENDING"));
  Advance(299);
  EXPECT_EQ(Url(), "tcp://wrong:1883");
  const int64_t revision = store_->Current()->revision();
  Advance(1);
  EXPECT_EQ(Url(), "tcp://good:1883");
  EXPECT_GT(store_->Current()->revision(), revision);
  EXPECT_THAT(Probations(), ElementsAre("1..2 CONFIRMED", "2..3 TAKEN_BACK"));
}

TEST_F(ConfigRecoveryTest, AProbationIsConfirmedWithTheRevisionOfTheRecovery) {
  FillWithProbation();
  ZeroMessagePage();
  ASSERT_TRUE(Recover().has_value());
  Open();
  const int64_t revision = store_->Current()->revision();
  ASSERT_GT(revision, 3);
  ASSERT_TRUE(store_->ConfirmConfiguration("CloudConn", revision).ok());
  Advance(1000);
  EXPECT_EQ(Url(), "tcp://wrong:1883");
  EXPECT_THAT(Probations(), ElementsAre("1..2 CONFIRMED", "2..3 CONFIRMED"));
}

TEST_F(ConfigRecoveryTest, OfAProbationWhoseFormerOnesAreLostTheTextComesBack) {
  FillWithProbation();
  ExecuteSql("DELETE FROM probation WHERE position = 0");
  ZeroMessagePage();
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_THAT(Probations(), ElementsAre("2..3 PENDING"));
  Advance(300);
  EXPECT_EQ(Url(), "tcp://good:1883");
}

TEST_F(ConfigRecoveryTest, ATextThatIsNotWholeNeverComesBack) {
  FillWithProbation();
  const std::string sound = Bytes();
  for (const char* part :
       {"part = 0", "part = 1", "part = (SELECT max(part) FROM probation_body)"}) {
    SCOPED_TRACE(part);
    Write(sound);
    ExecuteSql(absl::StrCat("DELETE FROM probation_body WHERE ", part));
    ZeroMessagePage();
    clock_.Advance(absl::Seconds(1));
    ASSERT_TRUE(Recover().has_value());
    Open();
    const int64_t revision = store_->Current()->revision();
    Advance(1000);
    EXPECT_EQ(store_->Current()->revision(), revision);
    EXPECT_EQ(Url(), "tcp://wrong:1883");
    store_.reset();
  }
}

TEST_F(ConfigRecoveryTest, AProbationOfBeforeTheDigestsIsDroppedWhenSomethingIsLost) {
  FillWithProbation();
  ExecuteSql("ALTER TABLE probation DROP COLUMN digest;PRAGMA user_version=5");
  const std::string old = Bytes();
  Open();
  EXPECT_THAT(Probations(), ElementsAre("1..2 CONFIRMED", "2..3 PENDING"));
  Advance(300);
  EXPECT_EQ(Url(), "tcp://good:1883");
  store_.reset();

  Write(old);
  ZeroMessagePage();
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_THAT(Probations(), ElementsAre("1..2 CONFIRMED"));
}

TEST_F(ConfigRecoveryTest, ProbationsAreDroppedWhenAnotherRevisionComesIntoForce) {
  FillWithProbation();
  ExecuteSql("UPDATE database_body SET body = 'x' WHERE revision = 3");
  ZeroMessagePage();
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_EQ(Url(), "tcp://good:1883");
  EXPECT_THAT(Probations(), IsEmpty());
}

TEST_F(ConfigRecoveryTest, AProbationOfARevisionThatIsLostIsDropped) {
  FillWithProbation();
  ExecuteSql(
      "DELETE FROM revision WHERE revision = 3; DELETE FROM database_body WHERE revision = 3");
  ZeroMessagePage();
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_EQ(Url(), "tcp://good:1883");
  EXPECT_THAT(Probations(), ElementsAre("1..2 CONFIRMED"));
}

TEST_F(ConfigRecoveryTest, WhenNoRevisionIsLeftNoProbationIs) {
  FillWithProbation();
  ExecuteSql("DELETE FROM revision; DELETE FROM database_body");
  ZeroMessagePage();
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_THAT(Probations(), IsEmpty());
}

TEST_F(ConfigRecoveryTest, TheCeilingOfRevisionsIsAlwaysAhead) {
  EXPECT_EQ(ReadRevisionCeiling(sqlite::RealDisk(), path_), 0);
  Open();
  Set("v1");
  EXPECT_GT(ReadRevisionCeiling(sqlite::RealDisk(), path_), 1);
  std::ofstream(path_ + ".witness") << "revisions below 99999999999999999\n";
  EXPECT_EQ(ReadRevisionCeiling(sqlite::RealDisk(), path_), 0) << "it is damaged";
}

}  // namespace
}  // namespace fieldgate::config_store
