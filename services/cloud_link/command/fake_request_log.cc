#include "services/cloud_link/command/fake_request_log.h"

#include <utility>

namespace fieldgate::cloud_link {

void FakeRequestLog::FailWith(absl::Status status) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(status);
}

absl::StatusOr<RequestNumber> FakeRequestLog::Accept(absl::string_view topic,
                                                     absl::string_view body) {
  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  const RequestNumber number = ++last_;
  requests_[number] = {number, std::string(topic), std::string(body), false, ""};
  return number;
}

absl::Status FakeRequestLog::Begin(RequestNumber number) {
  const std::lock_guard lock(mutex_);
  if (failure_.ok()) requests_.at(number).begun = true;
  return failure_;
}

absl::Status FakeRequestLog::Hold(RequestNumber number, absl::string_view held) {
  const std::lock_guard lock(mutex_);
  if (failure_.ok()) requests_.at(number).held = std::string(held);
  return failure_;
}

absl::Status FakeRequestLog::Answer(RequestNumber number, absl::string_view key,
                                    const LoggedAnswer& answer) {
  const std::lock_guard lock(mutex_);
  outbox_.OnRollback([this, requests = requests_, answers = answers_] {
    const std::lock_guard rollback_lock(mutex_);
    requests_ = requests;
    answers_ = answers;
  });
  requests_.erase(number);
  if (!key.empty()) answers_[std::string(key)] = answer;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LoggedRequest>> FakeRequestLog::Unanswered() {
  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  std::vector<LoggedRequest> requests;
  for (const auto& [number, request] : requests_) requests.push_back(request);
  return requests;
}

absl::StatusOr<std::optional<LoggedAnswer>> FakeRequestLog::Find(absl::string_view key) {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(std::string(key));
  if (found == answers_.end()) return std::nullopt;
  return found->second;
}

}  // namespace fieldgate::cloud_link
