#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/time/threads.h"
#include "proto/cloud_link.pb.h"
#include "proto/config_store.pb.h"
#include "services/cloud_link/answer.h"
#include "services/cloud_link/clients/config_client.h"
#include "services/cloud_link/clients/process_client.h"
#include "services/cloud_link/command/command_channel.h"
#include "services/cloud_link/command/command_queue.h"
#include "services/cloud_link/command/factory_journal.h"
#include "services/cloud_link/command/interpreter.h"
#include "services/cloud_link/command/pending_reset.h"
#include "services/cloud_link/command/program_journal.h"
#include "services/cloud_link/command/request_log.h"
#include "services/cloud_link/connector.h"
#include "services/cloud_link/events/event_handlers.h"
#include "services/cloud_link/events/event_runner.h"
#include "services/cloud_link/events/event_store.h"
#include "services/cloud_link/loop.h"
#include "services/cloud_link/outbox/unstored_data.h"
#include "services/cloud_link/probation_watch.h"
#include "services/cloud_link/signal_led/signal_led.h"

namespace fieldgate::cloud_link {

// The other services, the disk and the network as the gateway uses them.
struct GatewayPorts {
  ConfigClient* config = nullptr;
  ProcessPort* process = nullptr;
  ValueReporter* reporter = nullptr;
  ProgramJournal* journal = nullptr;  // nullptr: none is kept
  std::function<absl::StatusOr<std::unique_ptr<Outbox>>(const std::string& connector)> open_outbox;
  // Shares the outbox's transactions; called after open_outbox.
  std::function<absl::StatusOr<std::unique_ptr<RequestLog>>(const std::string& connector)>
      open_requests;
  // Of the disk of the outboxes; none: it is not looked at.
  std::function<absl::StatusOr<int64_t>()> free_bytes;
  EventStore* events = nullptr;
  std::function<std::unique_ptr<MqttClient>(MqttListener&)> make_mqtt;
  std::function<std::unique_ptr<ValueStream>(
      const std::vector<std::string>& paths,
      std::function<void(std::unique_ptr<process_data::v1::ValueBatch>)> on_batch,
      std::function<void()> on_lost)>
      subscribe;
  std::function<std::string(absl::string_view file)> certificate_path;
  FactoryJournal* factory = nullptr;  // none: no factory reset
  // Passes what became of databases to `append`, an entry of the SupportLog each,
  // unless that was done; an error of `append` is its own. nullptr: nothing.
  std::function<absl::Status(const std::function<absl::Status(const std::string&)>& append)>
      tell_recoveries;
  // Restarts all services; returns before this one ends.
  std::function<void(absl::string_view origin)> restart;
  // Where everything runs, and what time it is.
  Threads* threads = &RealThreads();
};

// All connectors on their loop, and the commands. Methods are thread-safe
// except Run.
class Gateway : private GatewayPort, private CommandChannel::Host {
 public:
  explicit Gateway(GatewayPorts ports);
  ~Gateway() override;

  // The loop: returns after Stop. Connections are ended then.
  void Run();
  void Stop();

  void OnConfiguration(config_store::v1::Configuration configuration);
  void OnConfigLink(bool up);

  // Executes commands; at most 100 wait.
  // kResourceExhausted: they do already.
  // kCancelled:         the gateway stops.
  absl::StatusOr<Interpreter::TextResult> Execute(const std::string& text,
                                                  const std::string& origin);

  // kUnavailable: the loop does not answer within 2 s.
  absl::StatusOr<v1::GetStatusResponse> Status();
  // The newest loss records of a connector, newest first.
  // kNotFound:    there is none of this name.
  // kUnavailable: its disk can't be read, or as Status.
  absl::StatusOr<v1::ListLossesResponse> ListLosses(const std::string& connector, int count);
  // Waits until the lifecycle states differ from those of `version`, or the
  // gateway stops, or `timeout`; returns their version now.
  uint64_t AwaitChange(uint64_t version, absl::Duration timeout);
  bool stopped();

 private:
  static constexpr int kMaxCommands = 100;

  class Slot;
  // What a connector keeps for as long as the process runs.
  struct Storage {
    std::unique_ptr<Outbox> outbox;
    // Due data that a failing disk did not take.
    std::unique_ptr<UnstoredData> unstored = std::make_unique<UnstoredData>();
    std::unique_ptr<RequestLog> requests;
    std::unique_ptr<CommandChannel> channel;
  };

  // GatewayPort: on the thread of a command.
  absl::Status SendRealtimeData(absl::string_view connector, std::optional<int> section) override;
  absl::Status SendLogData(absl::string_view connector, std::optional<int> section) override;
  absl::Status ResetSecrets() override;
  absl::Status Reset(ResetKind kind, const Origin& origin) override;
  // CommandChannel::Host: on the loop.
  bool ExecuteRequest(CommandChannel& channel, RequestNumber number,
                      std::vector<tixml::Node> commands) override;
  void OnAnswerStored(const std::string& connector, StoredEntry answer) override;
  Verdict VerdictOn(const std::string& connector, int64_t revision) override;

  Now now() const { return NowOf(ports_.threads->clock()); }
  // What `task` returns on the loop; kUnavailable when that takes over 2 s.
  template <typename Result, typename Task>
  Result OnLoop(Task task);
  absl::Status OnConnector(absl::string_view connector,
                           const std::function<absl::Status(Connector&)>& task);
  absl::Status OpenStorage(const std::string& connector, CommandChannel::Config config);
  void Apply(const config_store::v1::Configuration& configuration);
  MonotonicTime Settle();
  void PerformReset(MonotonicTime now);
  // Of all services, once. On a worker.
  void Restart(absl::string_view origin);
  // True: nothing of the configuration is to be applied, this process ends.
  bool EpochBegins(int64_t epoch, MonotonicTime now);
  void ShowValues(Now now);
  void LookAtDisk(MonotonicTime now);
  void OnProcessLink(bool up);
  void NoteChange();
  v1::GetStatusResponse BuildStatus() const;
  void ExecuteConfiguration(std::vector<tixml::Node> commands, const std::string& connector);
  EventRunner::Ports EventPorts();
  // gateway_recovery.cc
  //
  // Returns the connectors whose settings were taken back.
  std::vector<std::string> FollowProbations(const config_store::v1::Configuration& configuration);
  void ConfirmProbations(MonotonicTime now);
  void RestoreProgram(MonotonicTime now);
  // When config_store is there; until it has taken them.
  void TellRecoveries();
  // On a worker.
  void AppendMessage(absl::string_view log, const std::string& entry);

  const GatewayPorts ports_;
  Loop loop_;

  // The loop's.
  std::map<std::string, Storage> storages_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;
  // Some connector of it could not be started: it is applied again then.
  config_store::v1::Configuration unopened_;
  MonotonicTime open_again_at_ = MonotonicTime::Never();
  std::string unopened_why_;  // logged once
  config_store::v1::Device device_;
  ProbationWatch probations_;
  MonotonicTime look_at_disk_at_{absl::ZeroDuration()};
  bool restoring_program_ = false;
  bool recoveries_told_ = false;
  MonotonicTime restore_program_at_{absl::ZeroDuration()};
  bool config_store_ok_ = false;
  bool process_data_ok_ = false;
  std::vector<LifecycleState> last_states_;
  SignalLed signal_led_;
  std::vector<std::pair<std::string, std::string>> shown_;
  MonotonicTime show_at_ = MonotonicTime::Never();
  bool show_again_ = false;
  PendingReset reset_;
  EventRunner events_;

  EventHandlers handlers_;
  std::atomic<int> requests_waiting_ = 0;
  std::atomic<bool> restarting_ = false;
  Interpreter interpreter_;
  const std::unique_ptr<ConditionVariable> changed_;
  std::mutex mutex_;  // guards what follows
  uint64_t version_ = 1;
  bool stopped_ = false;

  // All commands; short calls of config_store, which must not wait behind a
  // command; and reads of logs, which must not hold up these. Last: their tasks
  // use the others.
  CommandQueue commands_;
  Worker store_;
  Worker logs_;
};

template <typename Result, typename Task>
Result Gateway::OnLoop(Task task) {
  const auto answer = std::make_shared<Answer<Result>>(*ports_.threads);
  loop_.Post([answer, task = std::move(task)] { answer->Give(task()); });
  // A loop that stops drops the task.
  std::optional<Result> given = answer->Await(now().monotonic + absl::Seconds(2));
  if (!given.has_value()) {
    return absl::UnavailableError("the loop of cloud_link does not answer");
  }
  return *std::move(given);
}

}  // namespace fieldgate::cloud_link
