// cloud_link.db that was damaged, lost or replaced: what was in it is sent, and no id
// comes twice.
#include "services/cloud_link/outbox/outbox_recovery.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/recovery.h"
#include "common/sqlite/sqlite.h"
#include "common/time/clock.h"
#include "services/cloud_link/outbox/id_witness.h"
#include "services/cloud_link/outbox/loss_news.h"
#include "services/cloud_link/outbox/outbox_recovery_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint32_t kSeed = 20261126;
constexpr int kRounds = 15;

// Each page in turn: what waited is there or named as lost, and ids go on above.
TEST_F(OutboxRecoveryTest, OfEachZeroedPageNothingIsLostSilently) {
  Open();
  Fill();
  Close();
  const std::string sound = Bytes();
  const std::string witness = Bytes(".witness");
  const size_t pages = sound.size() / kPage;
  ASSERT_GT(pages, 12u);
  int with_loss = 0;
  for (size_t page = 1; page <= pages; ++page) {
    SCOPED_TRACE(absl::StrCat("page ", page));
    Clear();
    Write(sound);
    Write(witness, ".witness");
    Zero(page);
    const auto recovery = Recover();
    Open();
    const std::set<int64_t> waiting = WaitingIds();
    const std::set<int64_t> lost = LostIds();
    for (int64_t id = 11; id <= 70; ++id) {
      EXPECT_NE(waiting.count(id), lost.count(id)) << "message " << id;
    }
    for (const int64_t id : waiting) EXPECT_GT(id, 10) << "was acknowledged";
    if (waiting.size() < 60) ++with_loss;
    EXPECT_GE(waiting.size(), 50u) << "a page has less than ten";
    if (recovery.has_value()) {
      EXPECT_GE(Append(), 71);
      EXPECT_GT(outbox_->NextCounter("request").value_or(0), 1);
    }
  }
  EXPECT_GE(with_loss, 6);
}

TEST_F(OutboxRecoveryTest, RandomDamageNeverGivesAnIdTwice) {
  Open();
  Fill();
  Close();
  const std::string sound = Bytes();
  const std::string witness = Bytes(".witness");
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", kSeed, ", round ", round));
    std::mt19937 random(kSeed + static_cast<uint32_t>(round));
    Clear();
    std::string bytes = sound;
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    for (size_t i = random() % 3; i > 0 && bytes.size() > kPage; --i) {
      const size_t at = random() % (bytes.size() / kPage) * kPage;
      for (size_t j = 0; j < kPage; ++j) bytes[at + j] = static_cast<char>(random());
    }
    Write(bytes);
    Write(witness, ".witness");
    const auto recovery = Recover();
    Open();
    const std::set<int64_t> lost = LostIds();
    std::set<int64_t> all = lost;
    for (const StoredEntry& stored : ReadAll()) all.insert(stored.entry.message_id);
    for (int64_t id = 11; id <= 70; ++id) EXPECT_EQ(all.count(id), 1u) << "message " << id;
    EXPECT_GT(Append(), 70);
    EXPECT_GT(outbox_->NextCounter("request").value_or(0), 1);
  }
}

TEST_F(OutboxRecoveryTest, PositionsLossesAndResultsSurvive) {
  Open();
  Fill();
  ASSERT_TRUE(outbox_->Begin().ok());
  OutboxEntry result;
  result.lane = Lane::kResult;
  result.topic = "c/fp/g/cmdResult";
  result.content = "answer";
  ASSERT_TRUE(outbox_->Append(result).ok());
  ASSERT_TRUE(outbox_->RecordLoss({3, 4, 5, 6, 2, kLostOnDisk}).ok());
  ASSERT_TRUE(outbox_->Commit().ok());
  Close();
  std::string bytes = Bytes();
  bytes[20] = 1;  // the header alone
  Overwrite(bytes);
  const auto recovery = Recover();
  ASSERT_TRUE(recovery.has_value());
  EXPECT_EQ(recovery->rows_lost, 0u);
  EXPECT_THAT(recovery->effect, HasSubstr("CloudConn: 61 messages wait, 0 are known to be lost"));
  Open();
  EXPECT_EQ(WaitingIds().size(), 60u);
  EXPECT_EQ(outbox_->Position("log"), 7);
  EXPECT_EQ(outbox_->Read(Lane::kResult, 0, 10, 1000)->size(), 1u);
  EXPECT_EQ(LostIds(), (std::set<int64_t>{3, 4}));
  EXPECT_EQ(LeftOut(), (LeftOutIds{{71, outbox_->PeekMessageId() - 1, kLeftOutOnDisk}}));
}

TEST_F(OutboxRecoveryTest, AnEntryWithoutItsLayoutIsALoss) {
  Open();
  Append();
  ASSERT_TRUE(outbox_->Begin().ok());
  const int64_t layout = outbox_->PutLayout("layout").value_or(0);
  ASSERT_TRUE(outbox_->Commit().ok());
  const int64_t torn = Append(layout);
  const int64_t last = Append();
  ASSERT_TRUE(file_->database().Execute("DELETE FROM layout").ok());
  Close();
  ASSERT_TRUE(sqlite::NoteDamage(sqlite::RealDisk(), path_, "a layout is gone").ok());
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_EQ(WaitingIds(), (std::set<int64_t>{1, last}));
  EXPECT_EQ(LostIds(), std::set<int64_t>{torn});
}

TEST_F(OutboxRecoveryTest, RequestsSurviveAndNoneIsExecutedAgain) {
  Open();
  Fill();
  ASSERT_TRUE(file_->database()
                  .Execute("INSERT INTO request (connector, state, topic, body, key) VALUES"
                           " ('CloudConn', 0, 't', x'01', ''), ('CloudConn', 2, 't', x'', 'key');"
                           "INSERT INTO request (connector, state, topic, body) VALUES"
                           " ('CloudConn', 0, 't', x'01'); DELETE FROM request WHERE number = 3")
                  .ok());
  Close();
  std::string bytes = Bytes();
  bytes[20] = 1;
  Overwrite(bytes);
  ASSERT_TRUE(Recover().has_value());
  Open();
  absl::StatusOr<sqlite::Statement> read =
      file_->database().Prepare("SELECT group_concat(number || ':' || state) FROM request");
  ASSERT_TRUE(read.ok() && read->Step().value_or(false));
  EXPECT_EQ(std::string(read->Text(0)), "1:0,2:2");
  read->Reset();
  ASSERT_TRUE(file_->database()
                  .Execute("INSERT INTO request (connector, state, topic, body) VALUES"
                           " ('CloudConn', 0, 't', x'01')")
                  .ok());
  EXPECT_EQ(file_->database().LastInsertRowId(), 4) << "a number is never given again";
}

TEST_F(OutboxRecoveryTest, WithoutAWitnessIdsAreLeftFree) {
  Open();
  Fill();
  Close();
  std::filesystem::remove(path_ + ".witness");
  Zero(1);
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_GE(Append(), 70 + kIdsToLeave);
}

TEST_F(OutboxRecoveryTest, AFileOfGarbageBeginsBehindTheWitness) {
  Open();
  Fill();
  Close();
  Write(std::string(50'000, 'x'));
  const auto recovery = Recover();
  ASSERT_TRUE(recovery.has_value());
  Open();
  EXPECT_EQ(Append(), 70 + 1 + IdWitness::kMessagesAhead - 69) << "the ceiling of the witness";
  for (int64_t id = 11; id <= 70; ++id) EXPECT_EQ(LostIds().count(id), 1u);
}

TEST_F(OutboxRecoveryTest, WhenNothingIsKnownAClockThatIsNotSetGivesNoIdAgain) {
  Open();
  Fill();
  Close();
  std::filesystem::remove(path_ + ".witness");
  Write(std::string(50'000, 'x'));
  now_ = absl::FromUnixSeconds(100);
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_GE(Append(), 100 * kEarliestWall);
  EXPECT_GT(outbox_->NextCounter("request").value_or(0), kEarliestWall);
  EXPECT_GT(outbox_->NextCounter("rollout").value_or(0), kEarliestWall);
}

TEST_F(OutboxRecoveryTest, AnEmptiedFileIsDamagedIfItHadIds) {
  Open();
  Fill();
  Close();
  Overwrite("");
  ASSERT_TRUE(Recover().has_value());
  Open();
  EXPECT_GT(Append(), 70);
}

TEST_F(OutboxRecoveryTest, ADeletedFileGoesOnBehindTheWitness) {
  Open();
  Fill();
  Close();
  std::filesystem::remove(path_);
  EXPECT_FALSE(Recover().has_value());
  Open();
  EXPECT_GT(Append(), 70);
}

// --- Restored backups --------------------------------------------------------

TEST_F(OutboxRecoveryTest, RestartsAndKillsAreNoRestoredBackups) {
  Open();
  Fill();
  for (int i = 0; i < 3; ++i) {
    Close();
    EXPECT_FALSE(Recover().has_value());
    Open();
    EXPECT_THAT(file_->note(), IsEmpty());
    EXPECT_EQ(Append(), 71 + i) << "no id is left out";
  }
  // As after a kill: the files as they are while it runs.
  const std::string db = Bytes();
  const std::string wal = Bytes("-wal");
  const std::string witness = Bytes(".witness");
  Close();
  Overwrite(db);
  Overwrite(wal, "-wal");
  // The witness is another file now, so it takes part as a restored one.
  Open();
  EXPECT_GE(Append(), 74);
}

TEST_F(OutboxRecoveryTest, AKillBetweenWitnessAndItsNoteIsNoRestoredBackup) {
  Open();
  Append();
  const std::string db = Bytes();
  const std::string wal = Bytes("-wal");
  Close();  // writes the witness anew, which the files of before don't know
  Overwrite(db);
  Overwrite(wal, "-wal");
  WitnessContent content;
  ASSERT_TRUE(content.Parse(Bytes(".witness")));
  content.settled = false;
  Overwrite(content.Text(), ".witness");
  Open();
  EXPECT_THAT(file_->note(), IsEmpty());
  EXPECT_EQ(Append(), 2);
}

TEST_F(OutboxRecoveryTest, ARestoredBackupOfTheDatabaseGivesNoIdAgain) {
  Open();
  Fill();
  Close();
  const std::string backup = Bytes();
  Open();
  int64_t last = 0;
  for (int i = 0; i < 20; ++i) last = Append();
  Close();
  Write(backup);
  Open();
  EXPECT_THAT(file_->note(), HasSubstr("restored backup"));
  const int64_t next = Append();
  EXPECT_GT(next, last);
  EXPECT_EQ(LeftOut(), (LeftOutIds{{71, next - 1, kLeftOutByBackup}}));
  EXPECT_EQ(LossText(outbox_->Losses()->front()),
            absl::StrCat("no message, ids 71 to ", next - 1, ", left out after a restored backup"));
  EXPECT_EQ(outbox_->Stats().unreported_losses, 1) << "the portal is told";
  EXPECT_EQ(outbox_->Stats().dropped, 0);
  EXPECT_EQ(WaitingIds().size(), 61u) << "what it holds is sent (again)";
}

TEST_F(OutboxRecoveryTest, ABackupThatIsWrittenIntoTheSameFileIsNoticed) {
  Open();
  Fill();
  Close();
  const std::string backup = Bytes();
  Open();
  const int64_t last = Append();
  Close();
  Overwrite(backup);
  Open();
  EXPECT_GT(Append(), last);
}

TEST_F(OutboxRecoveryTest, ABackupOfDatabaseAndWitnessLeapsFar) {
  Open();
  Fill();
  Close();
  const std::string backup = Bytes();
  const std::string witness = Bytes(".witness");
  Open();
  Append();
  Close();
  for (const bool same_files : {false, true}) {
    if (same_files) {
      Overwrite(backup);
      Overwrite(witness, ".witness");
    } else {
      Write(backup);
      Write(witness, ".witness");
    }
    Open();
    EXPECT_THAT(file_->note(), HasSubstr("restored backup"));
    const int64_t next = Append();
    EXPECT_GE(next, IdWitness::kFarLeap);
    ASSERT_FALSE(LeftOut().empty());
    EXPECT_EQ(LeftOut().back(), (LeftOutIds::value_type{71, next - 1, kLeftOutByBackup}));
    EXPECT_GE(outbox_->NextCounter("request").value_or(0), IdWitness::kFarLeap);
    Close();
  }
}

TEST_F(OutboxRecoveryTest, ALostWitnessLeapsFar) {
  Open();
  Fill();
  Close();
  std::filesystem::remove(path_ + ".witness");
  Open();
  EXPECT_GE(Append(), IdWitness::kFarLeap);
  Close();
  Overwrite("garbage", ".witness");
  Open();
  EXPECT_GE(Append(), 2 * IdWitness::kFarLeap);
}

TEST_F(OutboxRecoveryTest, TheWitnessIsAlwaysAhead) {
  Open();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(outbox_->Begin().ok());
    for (int64_t j = 0; j < IdWitness::kMessagesAhead; ++j) {
      ASSERT_TRUE(outbox_->NextMessageId().ok());
    }
    ASSERT_TRUE(outbox_->Commit().ok());
    WitnessContent content;
    ASSERT_TRUE(content.Parse(Bytes(".witness")));
    EXPECT_GE(content.ceilings[IdWitness::MessageKey(1, "CloudConn")], outbox_->PeekMessageId());
  }
}

TEST_F(OutboxRecoveryTest, AnUpgradedFileTakesAWitnessWithoutALeap) {
  {
    std::ifstream sql("services/cloud_link/outbox/testdata/cloud_link_version_2.sql");
    std::stringstream text;
    text << sql.rdbuf();
    ASSERT_FALSE(text.str().empty());
    ASSERT_TRUE(sqlite::Database::Open(path_).value()->Execute(text.str()).ok());
  }
  EXPECT_FALSE(Recover().has_value());
  Open();
  EXPECT_THAT(file_->note(), IsEmpty());
  EXPECT_EQ(outbox_->PeekMessageId(), 42);
}

}  // namespace
}  // namespace fieldgate::cloud_link
