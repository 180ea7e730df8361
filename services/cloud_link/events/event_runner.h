#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "common/tixml/node.h"
#include "proto/cloud_link.pb.h"
#include "proto/config_store.pb.h"
#include "proto/process_data.pb.h"
#include "services/cloud_link/clients/process_client.h"
#include "services/cloud_link/command/interpreter.h"
#include "services/cloud_link/events/event_engine.h"
#include "services/cloud_link/events/event_store.h"

namespace fieldgate::cloud_link {

// Carries out what the EventEngine decides: subscribes to the values, stores
// what is due before it is executed, has it executed one after the other, and
// tells how it went. A handler that was stored is executed at least once,
// whatever dies. Belongs to the loop.
//
// At most kMaxPending handlers wait: then the oldest one that is equal (same
// state, same handler) gives way to the new one, or the oldest of all when none
// is. When the disk can't be written, handlers are executed all the same, and a
// restart may then repeat or forget them.
//
// Entries of the log wait while config_store is away, at most kMaxEntries, then
// the oldest go; they are lost with the process.
class EventRunner {
 public:
  static constexpr size_t kMaxPending = 1000;
  static constexpr size_t kMaxEntries = 1000;
  // Changes that make no handler due (a condition that ended) are stored at
  // most this often.
  static constexpr absl::Duration kWriteEvery = absl::Seconds(1);
  // After the start handlers that are left from before wait for the first
  // value, so that process_data knows what it is asked for; at most so long.
  static constexpr absl::Duration kWaitForValues = absl::Seconds(10);

  struct Ports {
    EventStore* store = nullptr;
    std::function<std::unique_ptr<ValueStream>(
        const std::vector<std::string>& paths,
        std::function<void(std::unique_ptr<process_data::v1::ValueBatch>)> on_batch,
        std::function<void()> on_lost)>
        subscribe;
    // Runs a task on the loop, or drops it when that ends. From any thread.
    std::function<void(std::function<void()>)> post;
    // Has commands executed on the command thread, then `done` called on the
    // loop. False: too many wait already, nothing was done.
    std::function<bool(std::vector<tixml::Node> commands, std::string who,
                       std::function<void(const Interpreter::Result&)> done)>
        execute;
    // Makes an entry in the log "Event" of config_store, then calls `done` on the
    // loop. Doesn't block. False: too many calls wait already, nothing was done.
    std::function<bool(std::string entry, std::function<void(const absl::Status&)> done)> log_event;
    std::function<Now()> now;
  };

  explicit EventRunner(Ports ports) : ports_(std::move(ports)) {}

  // Takes over the EVENTS of a configuration.
  void Configure(const config_store::v1::Events& events, Now now);

  // Ends the subscription: the loop has ended.
  void Stop();

  // Does what is due at `now`. Call after each task of the loop.
  void Settle(Now now);
  // When Settle has something to do again.
  MonotonicTime NextDeadline() const;

  void AddStatus(v1::GetStatusResponse& response) const;
  // /Process/Events/NAME of each state: 1 while it is active, else 0.
  void AddProcessValues(std::vector<std::pair<std::string, std::string>>& values) const;

 private:
  struct Outcome {
    uint64_t executions = 0;
    std::string error;
  };

  bool Load(Now now);
  void Subscribe();
  void Enqueue(DueHandler due);
  void Store(Now now);
  void ExecuteNext(Now now);
  void OnExecuted(const PendingHandler& pending, const Interpreter::Result& result);
  void AddEntry(std::string entry);
  void LogNext(Now now);
  void OnLogged(const absl::Status& status);

  const Ports ports_;
  config_store::v1::Events config_;
  EventEngine engine_;
  bool loaded_ = false;
  std::unique_ptr<ValueStream> stream_;
  uint64_t stream_number_ = 0;

  std::deque<PendingHandler> pending_;
  int64_t last_number_ = 0;
  bool full_ = false;               // and it was logged
  std::optional<int64_t> running_;  // number of the one under execution
  bool ready_ = false;              // to execute
  MonotonicTime ready_at_ = MonotonicTime::Never();

  std::set<std::string> changed_;  // states whose memory is not stored yet
  std::set<int64_t> stored_;       // numbers on the disk
  bool pending_changed_ = false;
  MonotonicTime write_at_ = MonotonicTime::Never();
  MonotonicTime written_at_ = {-absl::InfiniteDuration()};
  bool disk_failed_ = false;
  // Loading or executing is tried again.
  MonotonicTime retry_at_ = MonotonicTime::Never();

  std::map<std::string, Outcome> outcomes_;  // by state

  std::deque<std::string> entries_;  // not in the log yet; the first is under way
  bool logging_ = false;
  MonotonicTime log_at_ = MonotonicTime::Never();  // tried again
};

}  // namespace fieldgate::cloud_link
