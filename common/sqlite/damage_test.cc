// Random damage: whatever became of the file, a start succeeds, the file is kept,
// and only what was in it comes out.
#include <gmock/gmock.h>

#include <random>

#include "common/sqlite/recovery_fixture.h"

namespace fieldgate::sqlite {
namespace {

constexpr uint32_t kSeed = 20261126;
constexpr int kRounds = 30;

using Random = std::mt19937;

size_t Below(Random& random, size_t bound) { return random() % std::max<size_t>(bound, 1); }

class DamageTest : public RecoveryFixture {
 protected:
  // A database with a log that is not written into it yet.
  void MakeWithLog() {
    Make();
    std::unique_ptr<Database> database = OpenDatabase();
    for (int id = 400; id < 420; ++id) AddItem(*database, id);
    all_ = ReadRows(*database);
    db_ = ReadAll(path_);
    wal_ = ReadAll(path_ + "-wal");
    database.reset();
  }

  void Damage(Random& random, std::string& bytes) {
    if (bytes.empty()) return;
    const size_t at = Below(random, bytes.size());
    const size_t page = at / kPageSize * kPageSize;
    switch (Below(random, 7)) {
      case 0:
        bytes.resize(at);
        return;
      case 1:
        for (size_t i = page; i < std::min(page + kPageSize, bytes.size()); ++i) bytes[i] = 0;
        return;
      case 2:
        for (size_t i = page; i < std::min(page + kPageSize, bytes.size()); ++i) {
          bytes[i] = static_cast<char>(random());
        }
        return;
      case 3:  // another page in its place
        for (size_t i = 0; i < kPageSize && page + i < bytes.size(); ++i) {
          bytes[page + i] = bytes[at % kPageSize * kPageSize % bytes.size()];
        }
        return;
      case 4:
        for (size_t i = 0; i < std::min<size_t>(100, bytes.size()); ++i) {
          bytes[i] = static_cast<char>(random());
        }
        return;
      default:
        for (size_t i = Below(random, 20) + 1; i > 0; --i) {
          char& byte = bytes[Below(random, bytes.size())];
          byte = static_cast<char>(byte ^ (1 << Below(random, 8)));
        }
    }
  }

  Rows all_;
  std::string db_;
  std::string wal_;
};

TEST_F(DamageTest, OfAnyKindIsSurvived) {
  MakeWithLog();
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", kSeed, ", round ", round));
    Random random(kSeed + static_cast<uint32_t>(round));
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    std::string db = db_;
    std::string wal = wal_;
    const size_t what = Below(random, 4);
    for (size_t i = Below(random, 3) + 1; i > 0 && what != 0; --i) Damage(random, db);
    for (size_t i = Below(random, 2) + 1; i > 0 && what < 2; --i) Damage(random, wal);
    WriteAll(path_, db);
    WriteAll(path_ + "-wal", wal);
    const absl::StatusOr<std::optional<Recovery>> recovery = Recover();
    ASSERT_TRUE(recovery.ok()) << recovery.status();
    if (recovery->has_value()) {
      const std::string aside = dir_ + "/" + (*recovery)->put_aside;
      EXPECT_EQ(ReadAll(aside), db);
      EXPECT_EQ(ReadAll(aside + "-wal"), wal);
    }
    const std::unique_ptr<Database> database = OpenDatabase();
    ASSERT_NE(database, nullptr);
    // It works, and goes on working.
    Exec(*database, "INSERT INTO numbered (text) VALUES ('new')");
    absl::StatusOr<Statement> check = database->Prepare("PRAGMA integrity_check(1)");
    ASSERT_TRUE(check.ok() && check->Step().value_or(false));
    EXPECT_EQ(check->Text(0), "ok");
  }
}

// Many frames of the log, one after the other: SQLite alone would drop all transactions behind
// the first damaged one, which were acknowledged.
TEST_F(DamageTest, BehindADamagedFrameOfTheLogTransactionsAreSaved) {
  MakeWithLog();
  constexpr size_t kFrame = kPageSize + 24;
  const size_t frames = (wal_.size() - 32) / kFrame;
  ASSERT_GT(frames, 20u);
  size_t noticed = 0;
  for (size_t frame = 0; frame < frames; frame += 3) {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    std::string wal = wal_;
    wal[32 + frame * kFrame + 24 + 500] ^= 0x10;
    WriteAll(path_, db_);
    WriteAll(path_ + "-wal", wal);
    const absl::StatusOr<std::optional<Recovery>> recovery = Recover();
    ASSERT_TRUE(recovery.ok()) << recovery.status();
    if (!recovery->has_value()) continue;
    ++noticed;
    const std::unique_ptr<Database> database = OpenDatabase();
    Rows now = ReadRows(*database);
    // Rows of one page at most; those before it and behind it are there.
    size_t missing = 0;
    for (const std::string& row : all_["item"]) missing += now["item"].count(row) == 0 ? 1 : 0;
    EXPECT_LE(missing, 20u);
    EXPECT_EQ(now["named"], all_["named"]);
  }
  // All but those of the last two transactions, which may not have come to their
  // end as far as anybody can tell.
  EXPECT_GT(noticed, frames / 6);
}

TEST_F(DamageTest, ADamagedHeaderOfTheLogLosesNothing) {
  MakeWithLog();
  for (const size_t at : {size_t{0}, size_t{9}, size_t{17}, size_t{25}}) {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    std::string wal = wal_;
    wal[at] ^= 0x01;
    WriteAll(path_, db_);
    WriteAll(path_ + "-wal", wal);
    const absl::StatusOr<std::optional<Recovery>> recovery = Recover();
    ASSERT_TRUE(recovery.ok()) << recovery.status();
    ASSERT_TRUE(recovery->has_value()) << "byte " << at;
    const std::unique_ptr<Database> database = OpenDatabase();
    EXPECT_EQ(ReadInt(*database, "SELECT count(*) FROM item WHERE id = 419"), 1);
  }
}

// A power cut in a transaction: nothing was promised, and nothing is damaged.
TEST_F(DamageTest, ATornLastTransactionIsNoDamage) {
  MakeWithLog();
  for (const size_t cut : {size_t{1}, size_t{500}, size_t{kPageSize + 23}}) {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    WriteAll(path_, db_);
    WriteAll(path_ + "-wal", wal_.substr(0, wal_.size() - cut));
    const absl::StatusOr<std::optional<Recovery>> recovery = Recover();
    ASSERT_TRUE(recovery.ok()) << recovery.status();
    EXPECT_FALSE(recovery->has_value()) << Describe(**recovery);
  }
}

}  // namespace
}  // namespace fieldgate::sqlite
