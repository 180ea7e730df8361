#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/cloud_link.pb.h"
#include "proto/config_store.pb.h"
#include "services/cloud_link/clients/config_client.h"
#include "services/cloud_link/clients/process_client.h"
#include "services/cloud_link/command/command_channel.h"
#include "services/cloud_link/command/interpreter.h"
#include "services/cloud_link/command/request_log.h"
#include "services/cloud_link/connector.h"
#include "services/cloud_link/loop.h"
#include "services/cloud_link/signal_led/signal_led.h"

namespace fieldgate::cloud_link {

// The other services, the disk and the network as the gateway uses them.
struct GatewayPorts {
  ConfigClient* config = nullptr;
  ProcessPort* process = nullptr;
  ValueReporter* reporter = nullptr;
  std::function<absl::StatusOr<std::unique_ptr<Outbox>>(const std::string& connector)> open_outbox;
  // Shares the outbox's transactions; called after open_outbox.
  std::function<absl::StatusOr<std::unique_ptr<RequestLog>>(const std::string& connector)>
      open_requests;
  std::function<std::unique_ptr<MqttClient>(MqttListener&)> make_mqtt;
  std::function<std::unique_ptr<ValueStream>(
      const std::vector<std::string>& paths,
      std::function<void(std::unique_ptr<process_data::v1::ValueBatch>)> on_batch,
      std::function<void()> on_lost)>
      subscribe;
  std::function<std::string(absl::string_view file)> certificate_path;
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
  absl::StatusOr<Interpreter::TextResult> Execute(const std::string& text,
                                                  const std::string& origin);

  // kUnavailable: the loop does not answer within 2 s.
  absl::StatusOr<v1::GetStatusResponse> Status();
  // Waits until the lifecycle states differ from those of `version`, or the
  // gateway stops, or `timeout`; returns their version now.
  uint64_t AwaitChange(uint64_t version, absl::Duration timeout);
  bool stopped();

 private:
  class Slot;
  // What a connector keeps for as long as the process runs.
  struct Storage {
    std::unique_ptr<Outbox> outbox;
    std::unique_ptr<RequestLog> requests;
    std::unique_ptr<CommandChannel> channel;
  };

  // GatewayPort: on the thread of a command.
  absl::Status SendRealtimeData(absl::string_view connector, std::optional<int> section) override;
  absl::Status ResetSecrets() override;
  // CommandChannel::Host: on the loop.
  bool ExecuteRequest(CommandChannel& channel, RequestNumber number,
                      std::vector<tixml::Node> commands) override;
  void OnAnswerStored(const std::string& connector, StoredEntry answer) override;

  // What `task` returns on the loop; kUnavailable when that takes over 2 s.
  template <typename Answer, typename Task>
  Answer OnLoop(Task task);
  absl::Status OpenStorage(const std::string& connector, CommandChannel::Config config);
  void Apply(const config_store::v1::Configuration& configuration);
  MonotonicTime Settle();
  void ShowValues(Now now);
  void OnProcessLink(bool up);
  void NoteChange();
  v1::GetStatusResponse BuildStatus() const;
  void ExecuteConfiguration(std::vector<tixml::Node> commands, const std::string& connector);

  const GatewayPorts ports_;
  Loop loop_;

  // The loop's.
  std::map<std::string, Storage> storages_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;
  bool config_store_ok_ = false;
  bool process_data_ok_ = false;
  std::vector<LifecycleState> last_states_;
  SignalLed signal_led_;
  std::vector<std::pair<std::string, std::string>> shown_;
  MonotonicTime show_at_ = MonotonicTime::Never();
  bool show_again_ = false;

  std::atomic<int> requests_waiting_ = 0;
  std::mutex command_mutex_;  // guards interpreter_
  Interpreter interpreter_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  int commands_waiting_ = 0;
  uint64_t version_ = 1;
  bool stopped_ = false;

  // Commands of portals and rollouts; and short calls of config_store, which must not
  // wait behind a command. Last: their tasks use the others.
  Worker commands_;
  Worker store_;
};

}  // namespace fieldgate::cloud_link
