#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"

namespace fieldgate::cloud_link {

// A peer on the loopback that answers what it was told to, for what no real
// broker does. It takes one connection.
class RawBroker {
 public:
  // `answers[0]` answers the CONNECT, and `answers[1]` follows at once; from
  // `answers[2]` on, one answers each further packet. Missing ones are empty.
  explicit RawBroker(std::vector<std::string> answers);
  ~RawBroker();

  std::string url() const;

  // Packets of MQTT 3.1.1.
  static std::string Connack(uint8_t code);
  static std::string Suback(uint16_t packet_id, const std::vector<uint8_t>& codes);
  static std::string Publish(absl::string_view topic, absl::string_view payload, bool retained);

 private:
  void Run(const std::vector<std::string>& answers);

  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
  int stop_[2] = {-1, -1};  // a pipe: closed to end the thread
};

}  // namespace fieldgate::cloud_link
