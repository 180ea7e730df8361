#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "services/cloud_link/mqtt/mqtt_client.h"
#include "services/cloud_link/outbox/outbox.h"
#include "services/cloud_link/outbox/send_window.h"

namespace fieldgate::cloud_link {

// Publishes what waits in an outbox: results before data, each lane in order,
// at most a window of it under way. It has no thread and no clock: the loop
// tells what happened, and calls Pump.
//
// An entry leaves the outbox only when the broker has acknowledged it (QoS 0:
// when it was handed to the socket). When the connection is lost, all that was
// under way is sent again, in order, with the same bytes, so a message may
// arrive twice but none is missing. Acknowledged entries are collected here
// until the loop removes them with its next transaction.
//
// Thread-compatible; belongs to the loop; blocks on disk as the outbox does.
class OutboxPump {
 public:
  // The body of an entry; the same entry always gives the same bytes.
  // kUnavailable: not now, it is tried again. Any other error: never; the
  // entry is taken out of the outbox with a loss record.
  using Render = std::function<absl::StatusOr<std::string>(const OutboxEntry&)>;

  // Nothing more is published once so much is under way, or what SendWindow
  // allows in bytes. Enough to keep the broker busy while the loop waits for the
  // disk. Leaves ten of the client's 100 to the lifecycle.
  static constexpr int kWindowEntries = 90;
  // Of these with QoS 2. mosquitto takes 20 a client by default
  // (max_inflight_messages) and acknowledges further ones without delivering
  // them. Half of that: after Stop, or in a kept session, it may still hold as
  // many of ours.
  static constexpr int kWindowExactlyOnce = 10;
  // Of acknowledged entries in a transaction of their own.
  static constexpr size_t kFlushCount = 64;

  // `outbox` and `client` outlive it.
  OutboxPump(Outbox& outbox, MqttClient& client, Render render);

  // Data may flow now: everything in the outbox that isn't acknowledged is to
  // be published, from the oldest on.
  void Start();
  // It may not any more; also when the connection is lost.
  void Stop();
  bool running() const { return running_; }

  // `entry` was just committed. It is published without being read back, if
  // nothing older waits on the disk.
  void Appended(StoredEntry entry);

  // The time, before OnPublished and Pump: how long acknowledgements take says
  // how much may be under way. Untold, each comes at once.
  void SetTime(MonotonicTime now) { now_ = now; }

  // The client's answer. False: the token is not the pump's, or void.
  bool OnPublished(MqttToken token, const absl::Status& status);

  // Publishes what the window allows. Call after each of the above, outside of
  // a transaction. What fails for now is tried again at the next call.
  void Pump();

  // Entries to remove, each once. Who can't remove them gives them back.
  std::vector<EntryId> TakeAcknowledged();
  void PutBack(const std::vector<EntryId>& ids);
  // So many are collected that they deserve a transaction of their own.
  bool FlushDue() const { return acknowledged_.size() >= kFlushCount; }

  int in_flight() const { return static_cast<int>(in_flight_.size()); }
  // Bytes of the one that is to be acknowledged next; 0: none is under way.
  int64_t oldest_bytes() const { return in_flight_.empty() ? 0 : in_flight_.front().bytes; }
  // Entries that could not be sent at all.
  int64_t discarded() const { return discarded_; }
  // Why nothing goes out although something waits: the last Pump's error.
  const absl::Status& status() const { return status_; }

 private:
  struct InFlight {
    MqttToken token;
    StoredEntry stored;
    int64_t bytes;
    MonotonicTime published;
    bool done = false;
  };
  // What is known of a lane's entries that were not published yet.
  struct LaneState {
    std::deque<StoredEntry> ready;  // in memory, oldest first
    int64_t ready_bytes = 0;
    EntryId last = 0;      // the newest that was published or is ready
    bool drained = false;  // nothing newer than `last` is on the disk
  };

  void Clear();
  void DropDone();
  bool WindowOpen() const;
  bool WindowOpenFor(const OutboxEntry& entry) const;
  // Makes sure that the lane's next entry is in `ready`; false if there is
  // none, or it can't be read.
  bool Fill(Lane lane);
  // False: no more for now.
  bool PublishNext(Lane lane);
  bool Discard(const StoredEntry& stored, const absl::Status& why);

  Outbox& outbox_;
  MqttClient& client_;
  const Render render_;

  bool running_ = false;
  LaneState lanes_[2];
  std::deque<InFlight> in_flight_;  // by token
  int64_t in_flight_bytes_ = 0;
  SendWindow window_;
  MonotonicTime now_{absl::ZeroDuration()};
  int in_flight_exactly_once_ = 0;
  // Under way at the last Stop. If the connection went on, their answers still
  // come, and spare us to send them twice.
  std::vector<std::pair<MqttToken, EntryId>> stale_;
  MqttToken last_token_ = 0;
  absl::flat_hash_set<EntryId> acknowledged_;
  int64_t discarded_ = 0;
  absl::Status status_;
};

}  // namespace fieldgate::cloud_link
