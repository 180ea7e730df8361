#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sqlite/disk.h"
#include "services/cloud_link/outbox/outbox.h"
#include "services/cloud_link/outbox/outbox_recovery.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"
#include "services/cloud_link/outbox/tiered_outbox.h"

namespace fieldgate::cloud_link {

// A connector's cloud_link.db that is damaged or replaced.
class OutboxRecoveryTest : public testing::Test {
 protected:
  static constexpr size_t kPage = 16384;

  OutboxRecoveryTest() { Clear(); }
  ~OutboxRecoveryTest() override {
    Close();
    std::filesystem::remove_all(dir_);
  }

  void Clear() {
    Close();
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
  }

  void Open(CacheMode mode = CacheMode::kDurable) {
    absl::StatusOr<std::unique_ptr<OutboxFile>> file = OutboxFile::Open(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    file_ = *std::move(file);
    absl::StatusOr<std::unique_ptr<DurableOutbox>> outbox = file_->Connector("CloudConn", {});
    ASSERT_TRUE(outbox.ok()) << outbox.status();
    outbox_ = std::make_unique<TieredOutbox>(*std::move(outbox));
    outbox_->SetLimits({.mode = mode});
    outbox_->Settle(/*delivering=*/true, MonotonicTime());
  }
  // As a kill for what is in memory.
  void Close() {
    outbox_.reset();
    file_.reset();
  }

  // Appends a message of some 2 KB; its id.
  int64_t Append(int64_t layout = 0) {
    EXPECT_TRUE(outbox_->Begin().ok());
    OutboxEntry entry;
    entry.topic = "c/fp/g/data";
    entry.message_id = outbox_->NextMessageId().value_or(0);
    entry.timestamp = 1'700'000'000 + entry.message_id;
    entry.layout = layout;
    entry.content = ContentOf(entry.message_id);
    EXPECT_TRUE(outbox_->Append(entry).ok());
    EXPECT_TRUE(outbox_->Commit().ok());
    return entry.message_id;
  }
  static std::string ContentOf(int64_t id) {
    return absl::StrCat(id, ":", std::string(static_cast<size_t>(1500 + id % 900), 'x'));
  }

  // 60 messages wait, of which the first ten were acknowledged.
  void Fill() {
    for (int i = 0; i < 70; ++i) Append();
    std::vector<EntryId> acknowledged;
    for (const StoredEntry& stored : ReadAll()) {
      if (acknowledged.size() < 10) acknowledged.push_back(stored.id);
    }
    ASSERT_TRUE(outbox_->Begin().ok());
    ASSERT_TRUE(outbox_->Remove(acknowledged).ok());
    ASSERT_TRUE(outbox_->SetPosition("log", 7).ok());
    ASSERT_TRUE(outbox_->Commit().ok());
    ASSERT_TRUE(outbox_->NextCounter("request").ok());
  }

  std::vector<StoredEntry> ReadAll() {
    const auto read = outbox_->Read(Lane::kData, 0, 1 << 30, int64_t{1} << 40);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? *read : std::vector<StoredEntry>();
  }

  std::set<int64_t> WaitingIds() {
    std::set<int64_t> ids;
    for (const StoredEntry& stored : ReadAll()) {
      EXPECT_EQ(stored.entry.content, ContentOf(stored.entry.message_id));
      ids.insert(stored.entry.message_id);
    }
    return ids;
  }

  std::set<int64_t> LostIds() {
    std::set<int64_t> ids;
    const auto losses = outbox_->Losses();
    EXPECT_TRUE(losses.ok()) << losses.status();
    if (!losses.ok()) return ids;
    for (const LossRecord& loss : *losses) {
      if (loss.count == 0) continue;
      EXPECT_EQ(loss.reason, kLostOnDisk);
      EXPECT_EQ(loss.count, loss.last_message_id - loss.first_message_id + 1);
      for (int64_t id = loss.first_message_id; id <= loss.last_message_id; ++id) ids.insert(id);
    }
    return ids;
  }

  // The ids that a record says were left out: from, to, why.
  using LeftOutIds = std::vector<std::tuple<int64_t, int64_t, std::string>>;
  LeftOutIds LeftOut() {
    LeftOutIds ids;
    const auto losses = outbox_->Losses();
    EXPECT_TRUE(losses.ok()) << losses.status();
    if (!losses.ok()) return ids;
    for (const LossRecord& loss : *losses) {
      if (loss.count > 0) continue;
      EXPECT_FALSE(loss.reported);
      ids.emplace_back(loss.first_message_id, loss.last_message_id, loss.reason);
    }
    return ids;
  }

  std::optional<sqlite::Recovery> Recover(sqlite::Disk& disk = sqlite::RealDisk()) {
    absl::StatusOr<std::optional<sqlite::Recovery>> recovery = RecoverOutbox(path_, disk, now_);
    EXPECT_TRUE(recovery.ok()) << recovery.status();
    return recovery.ok() ? *recovery : std::nullopt;
  }

  std::string Bytes(const std::string& suffix = "") const {
    std::ifstream file(path_ + suffix, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }
  // A file of its own, as a restored backup is one.
  void Write(const std::string& bytes, const std::string& suffix = "") const {
    std::filesystem::remove(path_ + suffix);
    std::ofstream(path_ + suffix, std::ios::binary) << bytes;
  }
  // Into the file that is there.
  void Overwrite(const std::string& bytes, const std::string& suffix = "") const {
    std::ofstream(path_ + suffix, std::ios::binary | std::ios::trunc) << bytes;
  }
  void Zero(size_t page) const {
    std::string bytes = Bytes();
    bytes.replace((page - 1) * kPage, kPage, kPage, '\0');
    Overwrite(bytes);
  }

  const std::string dir_ = absl::StrCat(getenv("TEST_TMPDIR"), "/recovery");
  const std::string path_ = dir_ + "/cloud_link.db";
  absl::Time now_ = absl::FromUnixSeconds(1'795'656'600);
  std::unique_ptr<OutboxFile> file_;
  std::unique_ptr<Outbox> outbox_;
};

}  // namespace fieldgate::cloud_link
