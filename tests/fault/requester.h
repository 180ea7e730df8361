#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/fault/gateway_site.h"

namespace fieldgate::fault {

// The portal's people: sends commands to all connectors for as long as it
// lives, each again and again with its request_id until it is answered, as
// somebody does whose gateway was away. Each that counts leaves a trace when it is executed,
// and two when it is executed twice:
//  - Record: sets Cmd to its own number and has it recorded in the log Commands
//  - Configure: a SetConfig, which is a revision of config.db
class Requester {
 public:
  enum class Kind { kRecord, kConfigure, kRead, kReset };

  Requester(GatewaySite& site, uint64_t seed);
  ~Requester();

  // Begins no further ones; those that are open go on.
  void Pause();
  void Resume();
  // Every request so far was answered.
  bool AllAnswered() const;
  int64_t sent() const { return sent_; }  // different ones

  // What is wrong, a line each, once all are answered. `recorded`: the numbers
  // in Commands, in their order; `revisions`: how many SetConfigs were executed.
  std::vector<std::string> Check(const std::vector<Reading>& recorded, int64_t revisions) const;

 private:
  struct Request {
    Kind kind = Kind::kRead;
    int64_t number = 0;
    int connector = 1;
    portal::Command command;
    absl::Time send_at;
  };

  void Run();
  Request Make();

  GatewaySite& site_;
  std::mt19937_64 random_;  // the thread's
  std::atomic<bool> stop_ = false;
  std::atomic<bool> paused_ = false;
  std::atomic<int64_t> sent_ = 0;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Request> open_;
  std::map<std::string, Request> done_;
  std::thread thread_;
};

}  // namespace fieldgate::fault
