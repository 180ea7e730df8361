#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/time/clock.h"
#include "services/cloud_link/command/held_answer.h"
#include "services/cloud_link/command/interpreter.h"
#include "services/cloud_link/command/request_log.h"
#include "services/cloud_link/mqtt/mqtt_client.h"
#include "services/cloud_link/outbox/outbox.h"
#include "services/cloud_link/payload/request.h"

namespace fieldgate::cloud_link {

// Requests of a gateway that wait or are executed.
inline constexpr int kMaxRequests = 100;
// So many bytes of refused requests of a channel, each with so many more, may be on
// their way to the loop, some thousands; what comes on top is dropped, or a flood
// would take all memory and time.
inline constexpr int64_t kMaxRefusedBytes = 2 << 20;
inline constexpr int64_t kRefusalBytes = 512;

// The feedback channel of one connector (manual 3, 4, 5): decides what becomes
// of each request, and stores each answer in the connector's outbox. It
// outlives connections and changes of the connector, so that a SetConfig that
// changes the connector is answered, too: once it is known whether that stays,
// when it is on probation. Holds no thread and no clock.
// Thread-compatible, apart from Accept; belongs to the loop.
class CommandChannel {
 public:
  class Host {
   public:
    virtual ~Host() = default;
    // Executes `commands` elsewhere, one request after the other: log().Begin
    // first, and only if that is OK the commands. -> OnExecuted.
    // False: too much waits there already.
    virtual bool ExecuteRequest(CommandChannel& channel, RequestNumber number,
                                std::vector<tixml::Node> commands) = 0;
    // An answer was committed to the connector's outbox.
    virtual void OnAnswerStored(const std::string& connector, StoredEntry answer) = 0;
    // What became of a revision that `connector` set on probation.
    virtual Verdict VerdictOn(const std::string& connector, int64_t revision) = 0;
  };

  struct Config {
    std::string connector;  // "CloudConn2"
    std::string serial_number;
    bool tixml_braces = true;
  };

  // A request on its way to the loop.
  struct Incoming {
    std::string topic;
    std::string body;
    RequestNumber number = 0;  // 0: `refused` says why it was not accepted
    absl::Status refused;
  };

  // `waiting` counts the requests of all channels of the gateway; it, `log`,
  // `outbox` and `host` outlive the channel.
  CommandChannel(Config config, RequestLog& log, Outbox& outbox, Host& host,
                 std::atomic<int>& waiting);

  // Stores a request of the portal. Once it returns the broker may have its
  // acknowledgement; what it returns belongs into OnRequest in the same order.
  // None: it was dropped without an answer, too many were refused already.
  // Thread-safe; blocks on disk.
  std::optional<Incoming> Accept(std::string topic, std::string body);
  // To be called right after the execution: if anything of it is on probation,
  // keeps the answer for after a restart. Thread-safe; blocks on disk.
  void Hold(RequestNumber number, const Interpreter::Result& result);

  // From here on the loop's.
  //
  // Takes up what was not answered when the process ended. Call once, first. After
  // an error (as request_log.h) nothing was taken up, and nothing may be executed:
  // it could be the second time.
  absl::Status Recover(MonotonicTime now);
  void Configure(Config config) { config_ = std::move(config); }
  void OnRequest(Incoming incoming, MonotonicTime now);
  // `begun`: what Begin said; if that is no OK, nothing was executed. What is on
  // probation is answered later.
  void OnExecuted(RequestNumber number, const absl::Status& begun,
                  const Interpreter::Result& result, MonotonicTime now);

  // There may be news about what is on probation.
  void OnVerdicts(MonotonicTime now);

  // Stores again what could not be stored.
  void Settle(MonotonicTime now);
  MonotonicTime NextDeadline() const { return retry_at_; }

  RequestLog& log() { return log_; }
  const std::string& connector() const { return config_.connector; }

 private:
  // A request whose commands wait or are executed.
  struct Pending {
    RequestKind kind;
    tixml::Format format;
    std::string topic;
    std::string request_id;
  };
  // An answer on its way to the disk.
  struct Answer {
    RequestNumber number = 0;  // 0: not in the log
    std::string key;           // empty: not remembered
    std::string topic;
    std::string body;
  };

  // An executed request whose answer waits for the outcome of a probation.
  struct Waiting {
    Pending pending;
    HeldAnswer answer;
  };

  static std::string KeyOf(const Pending& pending);
  bool IsPending(const std::string& key) const;
  void Refuse(RequestNumber number, const Pending& pending, AnswerCode code, int error_number,
              absl::string_view why, MonotonicTime now);
  // `remember`: the request counts as executed.
  void Reply(RequestNumber number, const Pending& pending, AnswerCode code,
             const std::vector<tixml::Node>& answers, bool remember, MonotonicTime now);
  void Enqueue(Answer answer, MonotonicTime now);
  absl::Status Store(const Answer& answer, std::optional<StoredEntry>& stored);

  Config config_;
  RequestLog& log_;
  Outbox& outbox_;
  Host& host_;
  std::atomic<int>& waiting_;
  std::atomic<int64_t> refused_bytes_ = 0;  // on their way to the loop

  std::map<RequestNumber, Pending> pending_;
  std::map<RequestNumber, Waiting> held_;  // counted in `waiting_`, so bounded
  std::deque<Answer> unstored_;
  MonotonicTime retry_at_ = MonotonicTime::Never();
  bool disk_failed_ = false;
};

}  // namespace fieldgate::cloud_link
