#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "services/process_data/bus/bus.h"

namespace fieldgate::process_data {

// A bus in memory: every register of every unit is there and is 0 until it is
// written. Tests make units die, hang and refuse. Thread-safe.
class FakeBus : public Bus {
 public:
  absl::Status Read(const Target& target, RegisterAddress first,
                    absl::Span<uint16_t> words) override;
  absl::Status Write(const Target& target, RegisterAddress first,
                     absl::Span<const uint16_t> words) override;
  void Cancel() override;

  void Put(uint8_t unit, RegisterAddress address, uint16_t word);
  uint16_t At(uint8_t unit, RegisterAddress address);

  // Every request of the unit fails with this, at once; OK ends it.
  void Fail(uint8_t unit, absl::Status status);
  // Requests that touch the register are refused.
  void Refuse(uint8_t unit, RegisterAddress address);
  // The unit's requests block until Cancel or Release.
  void Hang(uint8_t unit);
  void Release(uint8_t unit);

  struct Request {
    uint8_t unit = 0;
    RegisterAddress first;
    uint16_t count = 0;
    bool write = false;
  };
  std::vector<Request> requests();
  int reads(uint8_t unit);
  bool hanging(uint8_t unit);  // a request of the unit is blocked now

 private:
  using Key = std::pair<uint8_t, std::pair<RegisterTable, uint16_t>>;
  static Key KeyOf(uint8_t unit, RegisterAddress address, size_t index);
  absl::Status Begin(std::unique_lock<std::mutex>& lock, const Request& request);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool cancelled_ = false;
  std::map<Key, uint16_t> words_;
  std::set<Key> refused_;
  std::map<uint8_t, absl::Status> failing_;
  std::set<uint8_t> hung_;
  std::multiset<uint8_t> blocked_;
  std::vector<Request> requests_;
};

}  // namespace fieldgate::process_data
