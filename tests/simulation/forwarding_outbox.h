#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::simulation {

// An outbox in front of another one, for what changes or watches some of it.
class ForwardingOutbox : public cloud_link::Outbox {
 public:
  explicit ForwardingOutbox(std::unique_ptr<cloud_link::Outbox> outbox)
      : outbox_(std::move(outbox)) {}

  absl::Status Begin() override { return outbox_->Begin(); }
  absl::Status Commit() override { return outbox_->Commit(); }
  void Rollback() override { outbox_->Rollback(); }
  absl::StatusOr<int64_t> NextMessageId() override { return outbox_->NextMessageId(); }
  int64_t PeekMessageId() const override { return outbox_->PeekMessageId(); }
  absl::StatusOr<int64_t> NextCounter(absl::string_view name) override {
    return outbox_->NextCounter(name);
  }
  absl::StatusOr<int64_t> PutLayout(absl::string_view bytes) override {
    return outbox_->PutLayout(bytes);
  }
  absl::StatusOr<std::string> GetLayout(int64_t layout) override {
    return outbox_->GetLayout(layout);
  }
  absl::StatusOr<cloud_link::EntryId> Append(const cloud_link::OutboxEntry& entry) override {
    return outbox_->Append(entry);
  }
  absl::Status Remove(const std::vector<cloud_link::EntryId>& ids) override {
    return outbox_->Remove(ids);
  }
  absl::Status Discard(cloud_link::EntryId id, absl::string_view reason) override {
    return outbox_->Discard(id, reason);
  }
  absl::StatusOr<std::vector<cloud_link::StoredEntry>> Read(cloud_link::Lane lane,
                                                            cloud_link::EntryId after,
                                                            int max_count,
                                                            int64_t max_bytes) override {
    return outbox_->Read(lane, after, max_count, max_bytes);
  }
  absl::Status RecordLoss(const cloud_link::LossRecord& loss) override {
    return outbox_->RecordLoss(loss);
  }
  std::optional<int64_t> Position(absl::string_view name) const override {
    return outbox_->Position(name);
  }
  absl::Status SetPosition(absl::string_view name, int64_t position) override {
    return outbox_->SetPosition(name, position);
  }
  absl::StatusOr<int> DropOlder(int64_t born) override { return outbox_->DropOlder(born); }
  absl::StatusOr<std::vector<cloud_link::LossRecord>> Losses(
      int max_count = cloud_link::kMaxLossRecords) override {
    return outbox_->Losses(max_count);
  }
  absl::Status MarkReported(int64_t number) override { return outbox_->MarkReported(number); }
  cloud_link::OutboxStats Stats() const override { return outbox_->Stats(); }
  void SetLimits(const cloud_link::OutboxLimits& limits) override { outbox_->SetLimits(limits); }
  MonotonicTime Settle(bool delivering, MonotonicTime now) override {
    return outbox_->Settle(delivering, now);
  }
  absl::Status Close() override { return outbox_->Close(); }

 protected:
  const std::unique_ptr<cloud_link::Outbox> outbox_;
};

}  // namespace fieldgate::simulation
