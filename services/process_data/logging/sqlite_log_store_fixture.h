#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/sqlite/sqlite.h"
#include "common/testing/process.h"
#include "common/time/clock.h"
#include "services/process_data/logging/sqlite_log_store.h"

namespace fieldgate::process_data {

inline constexpr int64_t kMegabyte = 1 << 20;

// A disk that takes no more, as long as it lives.
class FullDisk {
 public:
  explicit FullDisk(uint64_t max_file_bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = max_file_bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

class SqliteLogStoreFixture : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    store_.reset();
    store_ = MakeSqliteLogStore(path_, /*disk=*/nullptr, on_damage_);
  }

  // A file of the first version, whose test has it as data.
  void OpenVersion1() {
    store_.reset();
    std::filesystem::remove(path_);
    std::ifstream file("services/process_data/logging/testdata/logs_1.sql");
    std::stringstream sql;
    sql << file.rdbuf();
    ASSERT_EQ((*sqlite::Database::Open(path_))->Execute(sql.str()), absl::OkStatus());
    Reopen();
  }

  // Logs of a megabyte and a day.
  void Configure(const std::vector<std::string>& names, int64_t max_bytes = kMegabyte) {
    std::vector<LogStore::Definition> definitions;
    for (const std::string& name : names) {
      definitions.push_back({name, {.max_bytes = max_bytes, .max_age = absl::Hours(24)}});
    }
    const absl::Status status = store_->Configure(definitions);
    ASSERT_TRUE(status.ok()) << status;
  }

  NewRecord Record(const std::string& log, const std::string& text = "x",
                   const std::string& path = "/Process/PV/V") {
    return {.log = log,
            .layout = std::make_shared<const LogLayout>(LogLayout{{"V"}, {path}}),
            .recorded_at = clock_.WallNow(),
            .monotonic = clock_.Now(),
            .content = EncodeRecord({std::string(1, 5), std::string(1, 2), {0}, {text}})};
  }

  absl::StatusOr<std::vector<int64_t>> Append(const std::vector<NewRecord>& records) {
    return store_->Append(records, {});
  }

  static LogQuery All() {
    LogQuery query;
    query.count = 1'000'000;
    query.max_bytes = SIZE_MAX;
    return query;
  }

  std::vector<int64_t> Ids(const std::string& log, const LogQuery& query = All()) {
    const absl::StatusOr<LogRecords> read = store_->Read(log, query);
    EXPECT_TRUE(read.ok()) << read.status();
    std::vector<int64_t> ids;
    if (!read.ok()) return ids;
    for (const LogRecords::Record& record : read->records) ids.push_back(record.id);
    return ids;
  }

  StoredLog Stored(const std::string& name) {
    for (const StoredLog& log : store_->Logs()) {
      if (log.name == name) return log;
    }
    return {};
  }

  // What a user sees with the sqlite3 tool: the first column of the rows.
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

  const std::string path_ = NewTempDir() + "/logs.db";
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  std::function<void(const absl::Status&)> on_damage_;
  std::unique_ptr<LogStore> store_;
};

}  // namespace fieldgate::process_data
