#include "services/process_data/bus/fake_bus.h"

#include <algorithm>

namespace fieldgate::process_data {

FakeBus::Key FakeBus::KeyOf(uint8_t unit, RegisterAddress address, size_t index) {
  return {unit, {address.table, static_cast<uint16_t>(address.offset + index)}};
}

absl::Status FakeBus::Begin(std::unique_lock<std::mutex>& lock, const Request& request) {
  requests_.push_back(request);
  if (hung_.count(request.unit) > 0) {
    const auto blocked = blocked_.insert(request.unit);
    changed_.wait(lock, [&] { return cancelled_ || hung_.count(request.unit) == 0; });
    blocked_.erase(blocked);
  }
  if (cancelled_) return absl::CancelledError("cancelled");
  if (const auto it = failing_.find(request.unit); it != failing_.end()) return it->second;
  for (size_t i = 0; i < request.count; ++i) {
    if (refused_.count(KeyOf(request.unit, request.first, i)) > 0) {
      return absl::FailedPreconditionError("Modbus exception 2 (Illegal data address)");
    }
  }
  return absl::OkStatus();
}

absl::Status FakeBus::Read(const Target& target, RegisterAddress first,
                           absl::Span<uint16_t> words) {
  std::unique_lock lock(mutex_);
  const auto count = static_cast<uint16_t>(words.size());
  if (absl::Status status = Begin(lock, {target.unit, first, count, false}); !status.ok()) {
    return status;
  }
  for (size_t i = 0; i < words.size(); ++i) {
    const auto it = words_.find(KeyOf(target.unit, first, i));
    words[i] = it == words_.end() ? uint16_t{0} : it->second;
  }
  return absl::OkStatus();
}

absl::Status FakeBus::Write(const Target& target, RegisterAddress first,
                            absl::Span<const uint16_t> words) {
  std::unique_lock lock(mutex_);
  const auto count = static_cast<uint16_t>(words.size());
  if (absl::Status status = Begin(lock, {target.unit, first, count, true}); !status.ok()) {
    return status;
  }
  for (size_t i = 0; i < words.size(); ++i) words_[KeyOf(target.unit, first, i)] = words[i];
  return absl::OkStatus();
}

void FakeBus::Cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
}

void FakeBus::Put(uint8_t unit, RegisterAddress address, uint16_t word) {
  std::lock_guard lock(mutex_);
  words_[KeyOf(unit, address, 0)] = word;
}

uint16_t FakeBus::At(uint8_t unit, RegisterAddress address) {
  std::lock_guard lock(mutex_);
  return words_[KeyOf(unit, address, 0)];
}

void FakeBus::Fail(uint8_t unit, absl::Status status) {
  std::lock_guard lock(mutex_);
  if (status.ok()) {
    failing_.erase(unit);
  } else {
    failing_[unit] = std::move(status);
  }
}

void FakeBus::Refuse(uint8_t unit, RegisterAddress address) {
  std::lock_guard lock(mutex_);
  refused_.insert(KeyOf(unit, address, 0));
}

void FakeBus::Hang(uint8_t unit) {
  std::lock_guard lock(mutex_);
  hung_.insert(unit);
}

void FakeBus::Release(uint8_t unit) {
  std::lock_guard lock(mutex_);
  hung_.erase(unit);
  changed_.notify_all();
}

std::vector<FakeBus::Request> FakeBus::requests() {
  std::lock_guard lock(mutex_);
  return requests_;
}

int FakeBus::reads(uint8_t unit) {
  std::lock_guard lock(mutex_);
  return static_cast<int>(std::count_if(requests_.begin(), requests_.end(), [unit](auto& request) {
    return request.unit == unit && !request.write;
  }));
}

bool FakeBus::hanging(uint8_t unit) {
  std::lock_guard lock(mutex_);
  return blocked_.count(unit) > 0;
}

}  // namespace fieldgate::process_data
