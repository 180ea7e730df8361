#include "services/cloud_link/outbox/outbox_pump.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace fieldgate::cloud_link {
namespace {

// Entries that are read from the disk at a time: enough to make the statement
// cheap, little enough to hold in memory.
constexpr int kReadCount = 64;
constexpr int64_t kReadBytes = 256 << 10;
// Just committed entries that may wait in memory for the window; further ones
// are read from the disk later.
constexpr int64_t kMaxReadyBytes = 1 << 20;

int64_t ContentSize(const StoredEntry& stored) {
  return static_cast<int64_t>(stored.entry.content.size());
}

bool ExactlyOnce(const OutboxEntry& entry) {
  return static_cast<Qos>(entry.qos) == Qos::kExactlyOnce;
}

}  // namespace

OutboxPump::OutboxPump(Outbox& outbox, MqttClient& client, Render render)
    : outbox_(outbox), client_(client), render_(std::move(render)) {}

void OutboxPump::Start() {
  Clear();
  running_ = true;
}

void OutboxPump::Stop() {
  Clear();
  running_ = false;
}

void OutboxPump::Clear() {
  // What was under way is still in the outbox and is read again.
  if (!in_flight_.empty()) stale_.clear();
  for (const InFlight& entry : in_flight_) {
    if (!entry.done) stale_.emplace_back(entry.token, entry.stored.id);
  }
  in_flight_.clear();
  in_flight_bytes_ = 0;
  in_flight_exactly_once_ = 0;
  for (LaneState& lane : lanes_) lane = LaneState();
  status_ = absl::OkStatus();
}

void OutboxPump::Appended(StoredEntry entry) {
  LaneState& lane = lanes_[static_cast<int>(entry.entry.lane)];
  if (!running_ || !lane.drained) return;  // found when the lane is read
  if (lane.ready_bytes + ContentSize(entry) > kMaxReadyBytes && !lane.ready.empty()) {
    lane.drained = false;
    return;
  }
  lane.last = entry.id;
  lane.ready_bytes += ContentSize(entry);
  lane.ready.push_back(std::move(entry));
}

bool OutboxPump::OnPublished(MqttToken token, const absl::Status& status) {
  auto found = std::lower_bound(in_flight_.begin(), in_flight_.end(), token,
                                [](const InFlight& a, MqttToken b) { return a.token < b; });
  if (found == in_flight_.end() || found->token != token || found->done) {
    const auto stale = std::find_if(stale_.begin(), stale_.end(),
                                    [token](const auto& entry) { return entry.first == token; });
    if (stale == stale_.end()) return false;
    if (status.ok()) acknowledged_.insert(stale->second);
    stale_.erase(stale);
    return true;
  }
  found->done = true;
  if (status.ok()) window_.Acknowledged(found->bytes, in_flight_bytes_, found->published, now_);
  in_flight_bytes_ -= found->bytes;
  if (ExactlyOnce(found->stored.entry)) --in_flight_exactly_once_;
  if (status.ok()) {
    acknowledged_.insert(found->stored.id);
  } else {
    // Next again, before newer ones; at its place among others that failed.
    LaneState& lane = lanes_[static_cast<int>(found->stored.entry.lane)];
    lane.ready_bytes += ContentSize(found->stored);
    lane.ready.insert(
        std::find_if(lane.ready.begin(), lane.ready.end(),
                     [&](const StoredEntry& ready) { return ready.id > found->stored.id; }),
        std::move(found->stored));
  }
  DropDone();
  return true;
}

void OutboxPump::DropDone() {
  while (!in_flight_.empty() && in_flight_.front().done) in_flight_.pop_front();
}

bool OutboxPump::WindowOpen() const {
  return in_flight_.size() < kWindowEntries && in_flight_bytes_ < window_.bytes();
}

bool OutboxPump::WindowOpenFor(const OutboxEntry& entry) const {
  return !ExactlyOnce(entry) || in_flight_exactly_once_ < kWindowExactlyOnce;
}

void OutboxPump::Pump() {
  if (!running_) return;
  status_ = absl::OkStatus();
  while (WindowOpen()) {
    const Lane lane = Fill(Lane::kResult) ? Lane::kResult : Lane::kData;
    if (!status_.ok() || !Fill(lane) || !PublishNext(lane)) return;
  }
}

bool OutboxPump::Fill(Lane which) {
  LaneState& lane = lanes_[static_cast<int>(which)];
  while (lane.ready.empty() && !lane.drained) {
    absl::StatusOr<std::vector<StoredEntry>> read =
        outbox_.Read(which, lane.last, kReadCount, kReadBytes);
    if (!read.ok()) {
      status_ = read.status();
      return false;
    }
    lane.drained = read->empty();
    for (StoredEntry& stored : *read) {
      lane.last = stored.id;
      if (acknowledged_.contains(stored.id)) continue;  // only its removal is missing
      lane.ready_bytes += ContentSize(stored);
      lane.ready.push_back(std::move(stored));
    }
  }
  return !lane.ready.empty();
}

bool OutboxPump::PublishNext(Lane which) {
  LaneState& lane = lanes_[static_cast<int>(which)];
  const OutboxEntry& entry = lane.ready.front().entry;
  if (!WindowOpenFor(entry)) return false;
  absl::StatusOr<std::string> body = render_(entry);
  const bool rendered = body.ok();
  absl::Status published = body.status();
  const MqttToken token = last_token_ + 1;
  int64_t bytes = 0;
  if (rendered) {
    bytes = static_cast<int64_t>(body->size());
    published = client_.Publish(token, entry.topic, *std::move(body), static_cast<Qos>(entry.qos));
  }
  switch (published.code()) {
    case absl::StatusCode::kOk:
      break;
    case absl::StatusCode::kUnavailable:
      status_ = published;
      return false;
    case absl::StatusCode::kResourceExhausted:   // until something is acknowledged
    case absl::StatusCode::kFailedPrecondition:  // OnDisconnected is on its way
      if (rendered) {
        status_ = published;
        return false;
      }
      [[fallthrough]];
    default:
      if (!Discard(lane.ready.front(), published)) return false;
      break;
  }
  StoredEntry stored = std::move(lane.ready.front());
  lane.ready.pop_front();
  lane.ready_bytes -= ContentSize(stored);
  if (!published.ok()) return true;
  last_token_ = token;
  in_flight_bytes_ += bytes;
  if (ExactlyOnce(stored.entry)) ++in_flight_exactly_once_;
  in_flight_.push_back({token, std::move(stored), bytes, now_});
  return true;
}

bool OutboxPump::Discard(const StoredEntry& stored, const absl::Status& why) {
  absl::Status status = outbox_.Begin();
  if (status.ok())
    status = outbox_.Discard(stored.id, absl::StrCat("not sendable: ", why.message()));
  if (status.ok()) status = outbox_.Commit();
  if (!status.ok()) {
    outbox_.Rollback();
    status_ = status;
    return false;
  }
  ++discarded_;
  log::Error("a message can't be sent and was dropped",
             {{"topic", stored.entry.topic},
              {"message_id", absl::StrCat(stored.entry.message_id)},
              {"why", why.ToString()}});
  return true;
}

std::vector<EntryId> OutboxPump::TakeAcknowledged() {
  std::vector<EntryId> ids(acknowledged_.begin(), acknowledged_.end());
  std::sort(ids.begin(), ids.end());
  acknowledged_.clear();
  return ids;
}

void OutboxPump::PutBack(const std::vector<EntryId>& ids) {
  acknowledged_.insert(ids.begin(), ids.end());
}

}  // namespace fieldgate::cloud_link
