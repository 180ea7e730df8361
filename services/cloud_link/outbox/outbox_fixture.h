#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/process.h"
#include "services/cloud_link/outbox/fake_outbox.h"
#include "services/cloud_link/outbox/outbox.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"
#include "services/cloud_link/outbox/tiered_outbox.h"

// For tests of what every Outbox promises, the real one, the fake, and with memory before it.
namespace fieldgate::cloud_link {

inline OutboxEntry Data(int64_t message_id, std::string content = "columns") {
  OutboxEntry entry;
  entry.topic = "c/fp/g/data";
  entry.message_id = message_id;
  entry.timestamp = 1'700'000'000 + message_id;
  entry.layout = 1;
  entry.content = std::move(content);
  return entry;
}

inline OutboxEntry Result(std::string content) {
  OutboxEntry entry;
  entry.lane = Lane::kResult;
  entry.topic = "c/fp/g/cmdResult";
  entry.timestamp = 1'700'000'000;
  entry.content = std::move(content);
  return entry;
}

struct FakeMaker {
  std::unique_ptr<Outbox> Make(const OutboxLimits& limits) {
    return std::make_unique<FakeOutbox>(limits);
  }
};

struct SqliteMaker {
  std::unique_ptr<Outbox> Make(const OutboxLimits& limits) {
    file = *OutboxFile::Open(NewTempDir() + "/cloud_link.db");
    return *file->Connector("CloudConn", limits);
  }
  std::unique_ptr<OutboxFile> file;
};

// Memory before the durable one, in each mode, as when messages are acknowledged.
template <CacheMode mode>
struct TieredMaker {
  static constexpr CacheMode kMode = mode;
  std::unique_ptr<Outbox> Make(OutboxLimits limits) {
    file = *OutboxFile::Open(NewTempDir() + "/cloud_link.db");
    limits.mode = mode;
    auto outbox = std::make_unique<TieredOutbox>(*file->Connector("CloudConn", limits));
    outbox->SetLimits(limits);
    outbox->Settle(/*delivering=*/true, MonotonicTime());
    return outbox;
  }
  std::unique_ptr<OutboxFile> file;
};

template <typename Maker>
class OutboxTest : public ::testing::Test {
 protected:
  void Open(const OutboxLimits& limits = {}) { outbox_ = maker_.Make(limits); }
  void SetLimits(OutboxLimits limits) {
    if constexpr (requires { Maker::kMode; }) limits.mode = Maker::kMode;
    outbox_->SetLimits(limits);
  }

  // Appends a data entry with the next message_id in a transaction of its own.
  absl::StatusOr<EntryId> AppendData(const std::string& content = "columns") {
    EXPECT_TRUE(outbox_->Begin().ok());
    const absl::StatusOr<int64_t> message_id = outbox_->NextMessageId();
    EXPECT_TRUE(message_id.ok());
    absl::StatusOr<EntryId> id = outbox_->Append(Data(*message_id, content));
    EXPECT_TRUE(outbox_->Commit().ok());
    return id;
  }

  std::vector<int64_t> MessageIds() {
    std::vector<int64_t> ids;
    EntryId last = 0;
    while (true) {
      const std::vector<StoredEntry> read = *outbox_->Read(Lane::kData, last, 100'000, 1 << 30);
      if (read.empty()) return ids;
      for (const StoredEntry& stored : read) ids.push_back(stored.entry.message_id);
      last = read.back().id;
    }
  }

  static std::vector<int64_t> LossNumbers(const std::vector<LossRecord>& losses) {
    std::vector<int64_t> numbers;
    for (const LossRecord& loss : losses) numbers.push_back(loss.number);
    return numbers;
  }

  Maker maker_;
  std::unique_ptr<Outbox> outbox_;
};

using OutboxMakers =
    ::testing::Types<FakeMaker, SqliteMaker, TieredMaker<CacheMode::kDurable>,
                     TieredMaker<CacheMode::kDiskOnOutage>, TieredMaker<CacheMode::kMemory>>;

}  // namespace fieldgate::cloud_link
