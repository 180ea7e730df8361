#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "services/process_data/modem/modem_source.h"

namespace fieldgate::process_data {

// Answers what a test says, or hangs until it is released. Thread-safe.
class FakeModemSource : public ModemSource {
 public:
  void Answer(absl::StatusOr<std::optional<Modem>> answer);
  // Reads from now on return after Release only.
  void Hang();
  void Release();

  int reads() const;  // begun
  int rests() const;
  std::string interface() const;  // of the last Read

  absl::StatusOr<std::optional<Modem>> Read(const std::string& interface) override;
  void Rest() override;

 private:
  mutable std::mutex mutex_;
  std::condition_variable released_;
  absl::StatusOr<std::optional<Modem>> answer_ = std::nullopt;
  bool hangs_ = false;
  int reads_ = 0;
  int rests_ = 0;
  std::string interface_;
};

}  // namespace fieldgate::process_data
