#include "common/service/databases.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <time.h>

#include <cstdlib>
#include <filesystem>

#include "common/sqlite/recovery.h"

namespace fieldgate::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DatabasesTest : public testing::Test {
 protected:
  DatabasesTest() {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
  }

  static void AddRecovery(const std::string& path, int64_t at) {
    absl::StatusOr<sqlite::RecoveryJournal> journal =
        sqlite::RecoveryJournal::Load(sqlite::RealDisk(), path + ".recoveries");
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal->Add(
        {path.substr(path.rfind('/') + 1), "aside", at, "zeroed", 5, 2, "all is well", false});
    ASSERT_EQ(journal->Save(sqlite::RealDisk(), path + ".recoveries"), absl::OkStatus());
  }

  const std::string dir_ = std::string(getenv("TEST_TMPDIR")) + "/databases";
  const std::string a_ = dir_ + "/a.db";
  const std::string b_ = dir_ + "/b.db";
  Databases databases_{{a_, b_}};
};

TEST_F(DatabasesTest, RecoveriesOfAllAreListedNewestFirst) {
  AddRecovery(a_, 10);
  AddRecovery(a_, 30);
  AddRecovery(b_, 20);
  const std::vector<v1::Recovery> list = databases_.ListRecoveries();
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].at(), 30);
  EXPECT_EQ(list[1].file(), "b.db");
  EXPECT_EQ(list[1].rows_saved(), 5u);
  EXPECT_EQ(list[1].rows_lost(), 2u);
  EXPECT_EQ(list[1].effect(), "all is well");
}

TEST_F(DatabasesTest, AtMostTwentyAreListed) {
  for (int i = 0; i < 15; ++i) {
    AddRecovery(a_, i);
    AddRecovery(b_, i);
  }
  EXPECT_EQ(databases_.ListRecoveries().size(), 20u);
}

TEST_F(DatabasesTest, EachRecoveryIsToldOnce) {
  AddRecovery(a_, 10);
  AddRecovery(b_, 20);
  std::vector<std::string> lines;
  const auto append = [&lines](const std::string& line) {
    lines.push_back(line);
    return absl::OkStatus();
  };
  EXPECT_EQ(databases_.Tell(append), absl::OkStatus());
  EXPECT_THAT(lines, ElementsAre(HasSubstr("a.db was damaged (zeroed)"),
                                 HasSubstr("b.db was damaged (zeroed)")));
  lines.clear();
  EXPECT_EQ(databases_.Tell(append), absl::OkStatus());
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(DatabasesTest, WhatCouldNotBeToldIsToldLater) {
  AddRecovery(a_, 10);
  EXPECT_TRUE(absl::IsUnavailable(
      databases_.Tell([](const std::string&) { return absl::UnavailableError("not now"); })));
  int lines = 0;
  EXPECT_EQ(databases_.Tell([&lines](const std::string&) {
    ++lines;
    return absl::OkStatus();
  }),
            absl::OkStatus());
  EXPECT_EQ(lines, 1);
}

TEST_F(DatabasesTest, DamageIsNotedAndEndsTheProcessInOrder) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  EXPECT_EQ(databases_.damage(), absl::OkStatus());
  databases_.OnDamage(a_)(absl::DataLossError("malformed"));
  const timespec deadline = {20, 0};
  EXPECT_EQ(sigtimedwait(&signals, nullptr, &deadline), SIGTERM);
  EXPECT_EQ(databases_.damage(), absl::DataLossError("malformed"));
  EXPECT_TRUE(std::filesystem::exists(a_ + ".suspect"));
}

}  // namespace
}  // namespace fieldgate::service
