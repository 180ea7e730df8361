#pragma once

#include <map>
#include <mutex>

#include "services/cloud_link/command/request_log.h"
#include "services/cloud_link/outbox/fake_outbox.h"

namespace fieldgate::cloud_link {

// A log in memory that behaves like SqliteRequestLog, sharing the transactions
// of `outbox`. The object is the disk. Accept, Begin and Hold
// are thread-safe.
class FakeRequestLog : public RequestLog {
 public:
  explicit FakeRequestLog(FakeOutbox& outbox) : outbox_(outbox) {}

  // From now on Accept, Begin, Hold and Unanswered fail with `status`; OK heals them.
  void FailWith(absl::Status status);

  absl::StatusOr<RequestNumber> Accept(absl::string_view topic, absl::string_view body) override;
  absl::Status Begin(RequestNumber number) override;
  absl::Status Hold(RequestNumber number, absl::string_view held) override;
  absl::Status Answer(RequestNumber number, absl::string_view key,
                      const LoggedAnswer& answer) override;
  absl::StatusOr<std::vector<LoggedRequest>> Unanswered() override;
  absl::StatusOr<std::optional<LoggedAnswer>> Find(absl::string_view key) override;

 private:
  FakeOutbox& outbox_;
  std::mutex mutex_;  // guards the rest
  absl::Status failure_;
  RequestNumber last_ = 0;
  std::map<RequestNumber, LoggedRequest> requests_;
  std::map<std::string, LoggedAnswer> answers_;
};

}  // namespace fieldgate::cloud_link
