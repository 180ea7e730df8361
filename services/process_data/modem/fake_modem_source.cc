#include "services/process_data/modem/fake_modem_source.h"

#include <utility>

namespace fieldgate::process_data {

void FakeModemSource::Answer(absl::StatusOr<std::optional<Modem>> answer) {
  std::lock_guard lock(mutex_);
  answer_ = std::move(answer);
}

void FakeModemSource::Hang() {
  std::lock_guard lock(mutex_);
  hangs_ = true;
}

void FakeModemSource::Release() {
  std::lock_guard lock(mutex_);
  hangs_ = false;
  released_.notify_all();
}

int FakeModemSource::reads() const {
  std::lock_guard lock(mutex_);
  return reads_;
}

int FakeModemSource::rests() const {
  std::lock_guard lock(mutex_);
  return rests_;
}

std::string FakeModemSource::interface() const {
  std::lock_guard lock(mutex_);
  return interface_;
}

absl::StatusOr<std::optional<Modem>> FakeModemSource::Read(const std::string& interface) {
  std::unique_lock lock(mutex_);
  ++reads_;
  interface_ = interface;
  released_.wait(lock, [this] { return !hangs_; });
  return answer_;
}

void FakeModemSource::Rest() {
  std::lock_guard lock(mutex_);
  ++rests_;
}

}  // namespace fieldgate::process_data
