#include "common/sqlite/recovery.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/recovery_fixture.h"

namespace fieldgate::sqlite {
namespace {

using RecoveryTest = RecoveryFixture;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(RecoveryTest, ASoundDatabaseStaysAsItIs) {
  Make();
  const std::string before = ReadAll(path_);
  const absl::StatusOr<std::optional<Recovery>> recovery = Recover();
  ASSERT_TRUE(recovery.ok()) << recovery.status();
  EXPECT_FALSE(recovery->has_value()) << Describe(**recovery);
  EXPECT_EQ(ReadAll(path_), before);
  EXPECT_THAT(PutAside(), IsEmpty());
}

TEST_F(RecoveryTest, ADatabaseThatIsNotThereIsNoneOfItsBusiness) {
  const absl::StatusOr<std::optional<Recovery>> recovery = Recover();
  ASSERT_TRUE(recovery.ok()) << recovery.status();
  EXPECT_FALSE(recovery->has_value());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

// What dbstat says of a page.
struct PageInfo {
  std::string table;
  std::string kind;
  int64_t cells = 0;
};

// Each page in turn is zeroed: only the rows on it are lost, and none that was
// deleted comes back.
TEST_F(RecoveryTest, OfEachZeroedPageOnlyItsOwnRowsAreLost) {
  const Rows all = Make();
  const std::string sound = ReadAll(path_);
  std::map<size_t, PageInfo> pages;
  {
    std::unique_ptr<Database> database = OpenDatabase();
    absl::StatusOr<Statement> read =
        database->Prepare("SELECT pageno, name, pagetype, ncell FROM dbstat");
    ASSERT_TRUE(read.ok()) << read.status();
    while (read->Step().value_or(false)) {
      pages[static_cast<size_t>(read->Int(0))] = {std::string(read->Text(1)),
                                                  std::string(read->Text(2)), read->Int(3)};
    }
  }
  ASSERT_GT(pages.size(), 50u);
  const size_t count = sound.size() / kPageSize;
  ASSERT_GT(count, pages.size()) << "there must be free pages";
  for (size_t number = 1; number <= count; ++number) {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    WriteAll(path_, sound);
    ZeroPage(number);
    const absl::StatusOr<std::optional<Recovery>> recovery = Recover();
    ASSERT_TRUE(recovery.ok()) << recovery.status();
    const auto info = pages.find(number);
    if (info == pages.end()) {
      // A free page: a page of the list is needed, the others are not. With a part
      // of the list lost, deleted rows may come back.
      if (!recovery->has_value()) continue;
      const std::unique_ptr<Database> database = OpenDatabase();
      Rows now = ReadRows(*database);
      for (const auto& [table, rows] : all) {
        for (const std::string& row : rows) EXPECT_EQ(now[table].count(row), 1u) << row;
      }
      continue;
    }
    SCOPED_TRACE(absl::StrCat("page ", number, ": ", info->second.kind, " of ", info->second.table,
                              " with ", info->second.cells, " cells"));
    const bool long_value = info->second.kind == "overflow";
    // SQLite itself can't see that the rest of a long value is another one.
    if (long_value && !recovery->has_value()) continue;
    ASSERT_TRUE(recovery->has_value());
    Rows missing = Missing(all);
    const bool table = all.count(info->second.table) > 0;
    const bool rows_on_it =
        table && (info->second.kind == "leaf" ||
                  (info->second.kind == "internal" && info->second.table == "named"));
    const auto lost = static_cast<int64_t>(missing[info->second.table].size());
    if (rows_on_it) {
      EXPECT_EQ(lost, info->second.cells);
    } else if (long_value) {
      EXPECT_LE(lost, 1);
    } else {
      EXPECT_EQ(lost, 0);
    }
    missing.erase(info->second.table);
    for (const auto& [other, rows] : missing) EXPECT_THAT(rows, IsEmpty()) << other;
  }
}

TEST_F(RecoveryTest, TheDamagedFilesAreKeptByteForByte) {
  Make();
  {
    // With a log, as after a kill.
    std::unique_ptr<Database> database = OpenDatabase();
    AddItem(*database, 1000);
    const std::string db = ReadAll(path_);
    const std::string wal = ReadAll(path_ + "-wal");
    ASSERT_FALSE(wal.empty());
    database.reset();
    WriteAll(path_, db);
    WriteAll(path_ + "-wal", wal);
  }
  ZeroPage(3);
  const std::string db = ReadAll(path_);
  const std::string wal = ReadAll(path_ + "-wal");
  const Recovery recovery = Recovered();
  EXPECT_EQ(recovery.file, "test.db");
  EXPECT_EQ(recovery.put_aside, "test.db.damaged-20261126T013000Z");
  EXPECT_EQ(recovery.at, absl::ToUnixSeconds(now_));
  EXPECT_EQ(ReadAll(dir_ + "/" + recovery.put_aside), db);
  EXPECT_EQ(ReadAll(dir_ + "/" + recovery.put_aside + "-wal"), wal);
  const std::unique_ptr<Database> database = OpenDatabase();
  EXPECT_EQ(ReadInt(*database, "SELECT count(*) FROM item WHERE id = 1000"), 1)
      << "what stands in the log only is saved";
  EXPECT_EQ(ReadInt(*database, "PRAGMA user_version"), 2);
}

TEST_F(RecoveryTest, ANameThatIsTakenGetsANumber) {
  Make();
  WriteAll(path_ + ".damaged-20261126T013000Z", "kept");
  ZeroPage(3);
  EXPECT_EQ(Recovered().put_aside, "test.db.damaged-20261126T013000Z-2");
  EXPECT_EQ(ReadAll(path_ + ".damaged-20261126T013000Z"), "kept");
}

TEST_F(RecoveryTest, WhatIsNoDatabaseIsPutAside) {
  for (const std::string& junk :
       {std::string("hello, this is a text\n"), std::string(100'000, 'x'), std::string(2, '\0'),
        std::string(8192, '\0'), std::string("SQLite format 3")}) {
    WriteAll(path_, junk);
    now_ += absl::Seconds(1);
    const Recovery recovery = Recovered();
    EXPECT_EQ(ReadAll(dir_ + "/" + recovery.put_aside), junk);
    EXPECT_EQ(recovery.rows_saved, 0u);
    const std::unique_ptr<Database> database = OpenDatabase();
    EXPECT_EQ(ReadInt(*database, "SELECT count(*) FROM item"), 0);
  }
}

TEST_F(RecoveryTest, ADirectoryInItsPlaceIsPutAside) {
  std::filesystem::create_directory(path_);
  WriteAll(path_ + "/file", "kept");
  const Recovery recovery = Recovered();
  EXPECT_EQ(ReadAll(dir_ + "/" + recovery.put_aside + "/file"), "kept");
  EXPECT_NE(OpenDatabase(), nullptr);
}

TEST_F(RecoveryTest, ADirectoryInPlaceOfSharedMemoryOrAJournalIsMovedAside) {
  const Rows all = Make();
  for (const auto& [suffix, number] :
       {std::pair<std::string, std::string>("-shm", ""), {"-journal", "-2"}}) {
    std::filesystem::create_directory(path_ + suffix);
    WriteAll(path_ + suffix + "/file", "kept");
    const absl::StatusOr<std::optional<Recovery>> recovery = Recover();
    ASSERT_TRUE(recovery.ok()) << recovery.status();
    EXPECT_FALSE(recovery->has_value()) << Describe(**recovery);
    EXPECT_THAT(Missing(all), IsEmpty());
    EXPECT_EQ(ReadAll(path_ + ".damaged-20261126T013000Z" + number + suffix + "/file"), "kept");
  }
}

TEST_F(RecoveryTest, ADirectoryInPlaceOfTheLogOfADatabaseToComeIsMovedAside) {
  std::filesystem::create_directory(path_ + "-wal");
  EXPECT_FALSE(Recover()->has_value());
  EXPECT_NE(OpenDatabase(), nullptr);
}

TEST_F(RecoveryTest, ADirectoryInPlaceOfTheLogIsDamage) {
  const Rows all = Make();
  std::filesystem::create_directory(path_ + "-wal");
  WriteAll(path_ + "-wal/file", "kept");
  const Recovery recovery = Recovered();
  EXPECT_THAT(recovery.why, HasSubstr("its log is a directory"));
  EXPECT_EQ(ReadAll(dir_ + "/" + recovery.put_aside + "-wal/file"), "kept");
  EXPECT_THAT(Missing(all), IsEmpty());
}

TEST_F(RecoveryTest, AFileOfOursWithoutPermissionsGetsThemBack) {
  const Rows all = Make();
  ASSERT_EQ(chmod(path_.c_str(), 0), 0);
  const absl::StatusOr<std::optional<Recovery>> recovery = Recover();
  ASSERT_TRUE(recovery.ok()) << recovery.status();
  EXPECT_FALSE(recovery->has_value());
  EXPECT_THAT(Missing(all), IsEmpty());
}

TEST_F(RecoveryTest, AnEmptyFileIsANewDatabaseUnlessItHadContent) {
  WriteAll(path_, "");
  absl::StatusOr<std::optional<Recovery>> recovery = Recover();
  ASSERT_TRUE(recovery.ok()) << recovery.status();
  EXPECT_FALSE(recovery->has_value());
  RecoveryRules rules = Rules();
  rules.empty_is_damaged = true;
  recovery = RecoverIfDamaged(path_, rules, now_);
  ASSERT_TRUE(recovery.ok()) << recovery.status();
  EXPECT_TRUE(recovery->has_value());
}

TEST_F(RecoveryTest, AMissingFileIsANewDatabaseUnlessItHadContent) {
  EXPECT_FALSE(Recover()->has_value());
  WriteAll(path_ + "-wal", "of the database that is missing");
  RecoveryRules rules = Rules();
  rules.missing_is_damaged = true;
  bool extent_unknown = false;
  rules.mend = [&extent_unknown](Database&, const Salvaged& salvaged, Recovery&) {
    extent_unknown = salvaged.extent_unknown;
    return absl::OkStatus();
  };
  const auto recovery = RecoverIfDamaged(path_, rules, now_);
  ASSERT_TRUE(recovery.ok() && recovery->has_value()) << recovery.status();
  EXPECT_EQ(Describe(**recovery), "test.db was damaged (it is missing): 0 rows saved");
  EXPECT_TRUE(extent_unknown);
  EXPECT_EQ(ReadAll(path_ + ".damaged-20261126T013000Z-wal"), "of the database that is missing");
  EXPECT_FALSE(RecoverIfDamaged(path_, rules, now_)->has_value()) << "it is done";
}

TEST_F(RecoveryTest, AFlippedVersionIsNoticedAndMended) {
  const Rows all = Make();
  for (const char version : {'\0', '\1', '\3', '\x42'}) {
    std::string bytes = ReadAll(path_);
    bytes[63] = version;
    WriteAll(path_, bytes);
    now_ += absl::Seconds(1);
    const Recovery recovery = Recovered();
    EXPECT_THAT(recovery.why, version == '\1' ? HasSubstr("other columns") : HasSubstr("version"));
    EXPECT_THAT(Missing(all), IsEmpty());
  }
}

TEST_F(RecoveryTest, ADatabaseOfANewerProgramIsLeftAlone) {
  {
    std::unique_ptr<Database> database = OpenDatabase();
    Exec(*database, "CREATE TABLE later (id INTEGER PRIMARY KEY); PRAGMA user_version=3");
  }
  const absl::StatusOr<std::optional<Recovery>> recovery = Recover();
  ASSERT_TRUE(recovery.ok()) << recovery.status();
  EXPECT_FALSE(recovery->has_value()) << Describe(**recovery);
}

TEST_F(RecoveryTest, RowsOfAnOlderVersionAreMigrated) {
  {
    std::unique_ptr<Database> database = OpenDatabase(1);
    Fill(*database);
  }
  ZeroPage(3);
  Recovered();
  const std::unique_ptr<Database> database = OpenDatabase();
  EXPECT_GT(ReadInt(*database, "SELECT count(*) FROM item WHERE color = 'grey'"), 60);
}

TEST_F(RecoveryTest, NumbersOfDeletedRowsAreNotGivenAgain) {
  Make();
  ZeroPage(3);
  Recovered();
  const std::unique_ptr<Database> database = OpenDatabase();
  Exec(*database, "INSERT INTO numbered (text) VALUES ('next')");
  EXPECT_EQ(database->LastInsertRowId(), 101);
}

// A small file without a header: other sizes of pages must not seem to fit.
TEST_F(RecoveryTest, WithoutAHeaderThePageSizeIsFoundOut) {
  for (const int expected : {512, kPageSize, 4096, 16384}) {
    for (const int items : {3, 40}) {
      std::filesystem::remove_all(dir_);
      std::filesystem::create_directory(dir_);
      {
        std::unique_ptr<Database> database = OpenDatabase();
        for (int id = 1; id <= items; ++id) AddItem(*database, id);
        Exec(*database, "INSERT INTO numbered (text) VALUES ('one'), ('two')");
      }
      ZeroPage(1);
      RecoveryRules rules = Rules();
      rules.options.page_size = expected;
      const auto recovery = RecoverIfDamaged(path_, rules, now_);
      ASSERT_TRUE(recovery.ok() && recovery->has_value()) << recovery.status();
      const std::unique_ptr<Database> database = OpenDatabase();
      EXPECT_EQ(ReadInt(*database, "SELECT count(*) FROM item"), items) << expected;
      EXPECT_EQ(ReadInt(*database, "SELECT count(*) FROM numbered"), 2) << expected;
    }
  }
}

TEST_F(RecoveryTest, OnlyPlausibleRowsAreTaken) {
  Make();
  ZeroPage(3);
  RecoveryRules rules = Rules();
  rules.rows.plausible = [](const SalvagedRow& row) {
    return row.table.name != "item" || row.Int("id") % 2 == 0;
  };
  ASSERT_TRUE(RecoverIfDamaged(path_, rules, now_).ok());
  const std::unique_ptr<Database> database = OpenDatabase();
  EXPECT_EQ(ReadInt(*database, "SELECT count(*) FROM item WHERE id % 2 = 1"), 0);
  EXPECT_GT(ReadInt(*database, "SELECT count(*) FROM item"), 25);
}

TEST_F(RecoveryTest, DamageFoundWhileRunningIsSalvagedAtTheNextStart) {
  const Rows all = Make();
  ASSERT_EQ(NoteDamage(RealDisk(), path_, "malformed \xff\x01\ntwice"), absl::OkStatus());
  EXPECT_THAT(Recovered().why, HasSubstr("found while running: malformed ?? twice"));
  EXPECT_THAT(Missing(all), IsEmpty());
  EXPECT_FALSE(Recover()->has_value()) << "it is done";
}

TEST_F(RecoveryTest, DamageAgainAndAgainEndsWithANewDatabase) {
  Make();
  Recovery last;
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(NoteDamage(RealDisk(), path_, "again"), absl::OkStatus());
    now_ += absl::Seconds(1);
    last = Recovered();
    if (i < 5) {
      EXPECT_GT(last.rows_saved, 0u);
    }
  }
  EXPECT_EQ(last.rows_saved, 0u);
  EXPECT_EQ(PutAside().size(), 6u) << "none is deleted";
}

TEST_F(RecoveryTest, ASoundStartEndsTheRow) {
  Make();
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(NoteDamage(RealDisk(), path_, "now and then"), absl::OkStatus());
    EXPECT_GT(Recovered().rows_saved, 0u);
    EXPECT_FALSE(Recover()->has_value());
  }
}

TEST_F(RecoveryTest, TwentyRecoveriesAreRemembered) {
  Make();
  for (int i = 0; i < 22; ++i) {
    ASSERT_EQ(NoteDamage(RealDisk(), path_, absl::StrCat("number ", i)), absl::OkStatus());
    now_ += absl::Seconds(1);
    Recovered();
    Recover().IgnoreError();
  }
  const std::vector<Recovery> list = ListRecoveries(RealDisk(), path_);
  ASSERT_EQ(list.size(), 20u);
  EXPECT_THAT(list[0].why, HasSubstr("number 21"));
  EXPECT_THAT(list[19].why, HasSubstr("number 2"));
  EXPECT_EQ(UntoldRecoveries(RealDisk(), path_).size(), 20u);
  ASSERT_EQ(MarkTold(RealDisk(), path_), absl::OkStatus());
  EXPECT_THAT(UntoldRecoveries(RealDisk(), path_), IsEmpty());
}

TEST(RecoveryJournalTest, ComesBackAsItWasWithAnyText) {
  RecoveryJournal journal;
  journal.unfinished = 2;
  journal.in_a_row = 3;
  journal.swap_to = "x.db.damaged-1";
  journal.Add({"x.db", "x.db.damaged-1", 5, "tab\tline\n'quote' \xff °", 6, 7, "", true});
  const RecoveryJournal back = RecoveryJournal::Parse(journal.Text());
  EXPECT_EQ(back.recoveries, journal.recoveries);
  EXPECT_EQ(back.unfinished, 2);
  EXPECT_EQ(back.in_a_row, 3);
  EXPECT_EQ(back.swap_to, "x.db.damaged-1");
}

TEST(RecoveryJournalTest, ADamagedOneIsReadAsFarAsItMakesSense) {
  RecoveryJournal journal;
  journal.Add({"x.db", "aside", 5, "why", 6, 7, "effect", false});
  const std::string text = absl::StrCat("\xff\t\0garbage\n", journal.Text(), "recovery\t'half");
  EXPECT_EQ(RecoveryJournal::Parse(text).recoveries, journal.recoveries);
  for (size_t i = 0; i < text.size(); ++i) RecoveryJournal::Parse(text.substr(i));
  EXPECT_EQ(RecoveryJournal::Parse("swap_to\t'x\n").swap_to, "") << "about no recovery";
}

}  // namespace
}  // namespace fieldgate::sqlite
