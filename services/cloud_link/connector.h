#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/time/age_clock.h"
#include "common/time/clock.h"
#include "common/tixml/node.h"
#include "proto/cloud_link.pb.h"
#include "proto/config_store.pb.h"
#include "proto/process_data.pb.h"
#include "services/cloud_link/lifecycle/lifecycle.h"
#include "services/cloud_link/log_data/log_records.h"
#include "services/cloud_link/log_data/log_schedule.h"
#include "services/cloud_link/mqtt/mqtt_client.h"
#include "services/cloud_link/outbox/disk_floor.h"
#include "services/cloud_link/outbox/loss_news.h"
#include "services/cloud_link/outbox/outbox.h"
#include "services/cloud_link/outbox/outbox_pump.h"
#include "services/cloud_link/outbox/unstored_data.h"
#include "services/cloud_link/payload/data_layout.h"
#include "services/cloud_link/payload/topics.h"
#include "services/cloud_link/peer_watch.h"
#include "services/cloud_link/realtime/realtime_sections.h"

namespace fieldgate::cloud_link {

// One MQTT connection of the gateway: carries out what its lifecycle decides,
// stores what its realtime sections have due, and lets the pump publish it.
// Holds no thread, socket or clock: what happens outside is told by calls, so
// it runs in simulated time. Thread-compatible; belongs to the loop.
class Connector {
 public:
  // What a connector asks of the process around it. Nothing blocks.
  class Host {
   public:
    virtual ~Host() = default;
    // -> OnIdentityStored
    virtual void SaveIdentity(const Identity& identity) = 0;
    virtual void ForgetIdentities() = 0;
    // Commands of a rollout's gateway_configuration; each result goes into the
    // SupportLog.
    virtual void ExecuteConfiguration(std::vector<tixml::Node> commands) = 0;
    // Reads records of a log. -> OnLogRead, with `ticket`
    virtual void ReadLog(uint64_t ticket, process_data::v1::ReadLogRequest request) = 0;
    // Adds an entry to the SupportLog.
    virtual void NoteForSupport(std::string entry) = 0;
    // The same for losses, oldest first. -> OnLossesNoted
    virtual void NoteLosses(std::vector<std::string> entries) = 0;
    // Where TLS files are.
    virtual std::string CertificatePath(absl::string_view file) = 0;
  };

  // `outbox`, `unstored`, `mqtt` and `host` outlive it. `unstored` are data that the
  // connector of this name before could not store. Start begins.
  Connector(const config_store::v1::Connector& config, const config_store::v1::Device& device,
            Outbox& outbox, UnstoredData& unstored, MqttClient& mqtt, Host& host, Now now);

  // Removes what was acknowledged, so that it is not sent again, and tries once
  // more to store what a failing disk did not take; else that stays in `unstored`.
  ~Connector();

  void Start(Now now);
  // Takes over all that SameConnection leaves out; the connection stays. Init
  // runs again when what it announces has changed. True: `paths` are to be
  // subscribed to anew.
  bool ChangeDataModel(const config_store::v1::Connector& config, Now now);
  // <Reset _="Secretfile"/>, or its identity vanished from the store.
  void SecretsReset(Now now);

  // MqttListener's events.
  void OnConnected(Now now);
  void OnDisconnected(const absl::Status& why, Now now);
  void OnSubscribed(MqttToken token, const absl::Status& status, Now now);
  void OnPublished(MqttToken token, const absl::Status& status, Now now);
  void OnMessage(const MqttMessage& message, Now now);

  // Whether a message is a request of the portal (manual 3, 4, 5): these go to
  // the CommandChannel, not to OnMessage. Thread-safe.
  bool IsRequest(const MqttMessage& message) const;
  // An answer to a request was committed to the outbox.
  void OnAnswerStored(StoredEntry answer);
  // <CloudSendRealtimeData/>: one section, or all.
  //
  // kNotFound:    there is none.
  // kUnavailable: not running, and data are not kept.
  absl::Status SendRealtimeData(std::optional<int> section);

  // <CloudSendLogData/>: one log section, or all: now, or once it runs.
  //
  // kNotFound:    there is none.
  // kUnavailable: it is not started, or its data points can't be sent.
  absl::Status SendLogData(std::optional<int> section);
  // What ReadLog gave.
  void OnLogRead(uint64_t ticket, const absl::StatusOr<LogAnswer>& answer, Now now);

  void OnIdentityStored(const absl::Status& status, Now now);
  void OnLossesNoted(const absl::Status& status, Now now);
  // Bytes that can still be written to the disk of the outbox. Told about once a
  // second, before Settle.
  void OnFreeSpace(int64_t bytes);
  void OnBatch(const process_data::v1::ValueBatch& batch, Now now);
  void OnAcquisitionLost(Now now);

  // Does what is due at `now`. Call after each of the above.
  void Settle(Now now);
  // When Settle has something to do again.
  MonotonicTime NextDeadline() const;

  // Paths to subscribe to at process_data.
  const std::vector<std::string>& paths() const { return sections_.plan().paths; }
  const config_store::v1::Connector& config() const { return config_; }
  // The lifecycle's state, to see that it changed.
  LifecycleState state() const { return lifecycle_.state(); }
  // What it does, or why its last try to get running failed.
  const std::string& doing() const {
    return last_failure_.empty() ? lifecycle_.detail() : last_failure_;
  }
  // Grows before each Connect and Disconnect: an event of the client is stale
  // when the epoch is not the one of its moment any more. Thread-safe.
  uint64_t epoch() const { return epoch_; }

  cloud_link::v1::ConnectorStatus Status() const;
  // The newest `count` loss records, newest first. kUnavailable: the disk.
  absl::StatusOr<std::vector<cloud_link::v1::Loss>> Losses(int count) const;
  // Section 7.5, as path and value.
  std::vector<std::pair<std::string, std::string>> ProcessValues() const;

  // `b` can be taken over from `a` by ChangeDataModel: they differ in data points,
  // in the form of data and in limits only.
  static bool SameConnection(const config_store::v1::Connector& a,
                             const config_store::v1::Connector& b);
  static bool SameDataModel(const config_store::v1::Connector& a,
                            const config_store::v1::Connector& b);

 private:
  void Handle(LifecycleEvent event, Now now);
  void Perform(const LifecycleAction& action, Now now);
  void SendRequest(bool rollout, const std::string& topic, Now now);
  void Ignore(const std::string& topic, absl::string_view why);

  bool MayStore() const;
  void StoreDue(Now now);
  void WatchPeer(Now now);
  // Makes a change of the outbox in one transaction, with the removal of what is
  // acknowledged, and hands what `change` has added to the pump.
  using Stored = std::vector<StoredEntry>;
  absl::Status Transact(const std::function<absl::Status(Stored&)>& change, Now now);
  // A data message, but for what AppendData gives it.
  OutboxEntry DataEntry(absl::Time sampled_at, std::string columns) const;
  // Within Transact. Full: the loss is recorded, the rest goes on. `layout`: the
  // serialized one of its columns, if it is not the one of now.
  absl::Status AppendData(OutboxEntry entry, Stored& stored, const std::string* layout = nullptr);

  // connector_losses.cc
  static std::optional<AgeClock::Mark> StoredAge(const Outbox& outbox);
  static LossNews::Told StoredTold(const Outbox& outbox);
  void ApplyLimits();
  absl::StatusOr<std::string> NextRequestId(bool rollout);
  absl::Status StoreWaiting(Stored& stored, Now now);
  void DropOld(Now now);
  void TellLosses(Now now);
  void ReportLosses(Now now);
  void NoteLosses(Now now);
  int64_t MessagesWaiting() const;
  void AddLosses(cloud_link::v1::ConnectorStatus& status) const;
  MonotonicTime LossDeadline() const;

  // connector_cache.cc
  //
  // Collects what the broker has acknowledged, and whether it is to be removed now.
  void TakeAcknowledged(Now now);
  bool MustRemove(Now now) const;
  MonotonicTime StoreDeadline() const;
  // Tells the outbox whether messages are acknowledged.
  void SettleOutbox(Now now);
  void AddCache(v1::ConnectorStatus& status) const;

  // connector_logs.cc
  void BuildLogs();
  bool MayTakeRecords() const;
  bool HasRoomFor(const OutboxEntry& entry) const;
  void ReadLogs(Now now);
  absl::Status StoreStep(const std::string& log, const LogStep& step, OutboxEntry entry,
                         Stored& stored);
  void NoteSteps(size_t section, absl::Span<const LogStep> steps, bool more);
  void NoteLog(size_t section, absl::string_view what);
  void NoteAcknowledged(const std::vector<EntryId>& ids);
  void AddLogs(cloud_link::v1::ConnectorStatus& status) const;

  absl::StatusOr<std::string> Render(const OutboxEntry& entry);
  int64_t Timestamp(absl::Time t) const;
  void BuildLayout();
  void UpdateIdentity();
  // Why it is not running, once per change.
  void NoteFailure();

  config_store::v1::Connector config_;
  const config_store::v1::Device device_;
  Outbox& outbox_;
  UnstoredData& unstored_;
  MqttClient& mqtt_;
  Host& host_;

  Lifecycle lifecycle_;
  std::deque<LifecycleEvent> events_;
  bool handling_ = false;
  // gateway_configuration of the newest rollout result, and of the accepted one.
  std::vector<tixml::Node> received_configuration_;
  std::vector<tixml::Node> configuration_;

  RealtimeSections sections_;
  std::optional<DataLayout> layout_;
  int64_t layout_number_ = 0;                  // 0: not in the outbox yet
  std::map<int64_t, DataLayout> old_layouts_;  // of entries from before
  absl::TimeZone time_zone_ = absl::UTCTimeZone();
  std::string data_topic_;            // empty before the ids are known
  mutable std::mutex request_mutex_;  // guards request_topics_
  std::vector<std::string> request_topics_;
  Qos qos_ = Qos::kAtLeastOnce;

  struct Log {
    LogRecords records;
    // Records in a row that held nothing to send, not yet told.
    int64_t skipped = 0;
    int64_t skipped_until = 0;
    std::string last_failure;
  };
  LogSchedule log_schedule_;
  std::vector<Log> logs_;  // by section
  uint64_t log_ticket_ = 0;
  // Messages made of records that are not acknowledged, oldest first. Those from
  // before a restart don't count, so that as many again may wait then.
  std::deque<EntryId> log_waiting_;

  DiskFloor floor_;
  AgeClock age_;
  MonotonicTime look_for_old_at_;
  MonotonicTime mark_age_at_;
  LossNews news_;
  LossNews::Told stored_told_;
  MonotonicTime report_losses_at_;  // not before
  MonotonicTime note_losses_at_;
  // The newest number of a request from the disk, and how many ids it gave since.
  int64_t request_number_ = 0;
  int request_suffix_ = 0;

  OutboxPump pump_;
  std::vector<EntryId> acknowledged_;  // to be removed in the next transaction
  MonotonicTime remove_by_ = MonotonicTime::Never();
  MonotonicTime retry_at_;  // while the disk fails
  bool could_store_ = false;
  PeerWatch peer_;
  MonotonicTime settle_outbox_by_ = MonotonicTime::Never();

  MqttToken next_token_;
  MqttToken subscribe_token_ = 0;
  std::atomic<uint64_t> epoch_ = 0;
  std::string disk_error_;  // empty: the last transaction succeeded
  std::string last_ignored_;
  std::string last_failure_;

  int64_t last_send_at_ = 0;
  bool change_toggle_ = false;
  uint64_t acknowledged_count_ = 0;
  uint64_t ignored_ = 0;
  uint64_t reconnects_ = 0;
  bool was_connected_ = false;
};

}  // namespace fieldgate::cloud_link
