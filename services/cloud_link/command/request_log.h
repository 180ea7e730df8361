#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fieldgate::cloud_link {

// Number of an accepted request: grows, is never reused.
using RequestNumber = int64_t;

// A request as it came.
struct LoggedRequest {
  RequestNumber number = 0;
  std::string topic;
  std::string body;
  bool begun = false;  // its commands may have been executed, in part or whole
  std::string held;    // from Hold; empty: it was not held
};

struct LoggedAnswer {
  std::string topic;
  std::string body;
  // The body is not kept any more.
  bool dropped = false;
};

// What is remembered of one connector: answered requests with a key, and of the
// newest of them the answers (PROTOCOL 4).
inline constexpr int kMaxAnswered = 1000;
inline constexpr int64_t kMaxAnswerBytes = 8 << 20;

// The requests of one connector, so that each is executed at most once and
// answered, whatever dies: accepted, then begun, perhaps held, then answered; an
// answer is kept for a request that comes twice. It shares a file and its transactions
// with the connector's outbox. Blocks on disk.
//
// Every method: kUnavailable when the file can't be read or written, kDataLoss
// when it is damaged; nothing was changed.
class RequestLog {
 public:
  virtual ~RequestLog() = default;

  // These three are thread-safe, and durable once OK; never call them on the loop
  // while its outbox has a transaction open.
  virtual absl::StatusOr<RequestNumber> Accept(absl::string_view topic, absl::string_view body) = 0;
  // To be called right before the execution begins.
  virtual absl::Status Begin(RequestNumber number) = 0;
  // It was executed, but its answer is not known yet; `held`, not empty, is what
  // it will be made of.
  virtual absl::Status Hold(RequestNumber number, absl::string_view held) = 0;

  // The loop's, and within a transaction of the outbox: they are done when it
  // is committed.
  //
  // The request is answered and remembered under `key`. Without a key it is
  // forgotten.
  virtual absl::Status Answer(RequestNumber number, absl::string_view key,
                              const LoggedAnswer& answer) = 0;

  // The loop's, at any time.
  //
  // Requests that were not answered, oldest first.
  virtual absl::StatusOr<std::vector<LoggedRequest>> Unanswered() = 0;
  // The answer to the request that had this key.
  virtual absl::StatusOr<std::optional<LoggedAnswer>> Find(absl::string_view key) = 0;
};

}  // namespace fieldgate::cloud_link
