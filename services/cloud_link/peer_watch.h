#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "absl/time/time.h"
#include "common/time/clock.h"
#include "services/cloud_link/mqtt/mqtt_client.h"

namespace fieldgate::cloud_link {

// Whether a broker still acknowledges: decides from what it is told alone. The
// client's keep alive takes up to 2.7 times its period to notice a silent one,
// and TCP sees only whether the machine is there. Thread-compatible.
class PeerWatch {
 public:
  // From the last acknowledgement on, or from when something is under way.
  static constexpr absl::Duration kAcknowledgeWithin = absl::Seconds(15);
  // A message over kFreeBytes has more time, for a link of kSlowestLink bytes a
  // second: it must not be cut again and again before its end.
  static constexpr int64_t kFreeBytes = 4 << 10;
  static constexpr int64_t kSlowestLink = 1 << 10;

  // A new connection: nothing is under way.
  void Reset() {
    own_.clear();
    Acknowledged();
  }
  // A request or subscription of the connector's own, of so many bytes, which the
  // broker confirms.
  void Began(MqttToken token, int64_t bytes) { own_[token] = bytes; }
  void Ended(MqttToken token) {
    own_.erase(token);
    Acknowledged();
  }
  // Anything of the outbox was.
  void Acknowledged() { deadline_ = since_ = MonotonicTime::Never(); }

  // `in_flight` messages of the outbox are under way, `oldest` bytes of them the
  // first one. True: the broker is silent, told once.
  bool IsSilent(int in_flight, int64_t oldest, MonotonicTime now) {
    if (in_flight == 0 && own_.empty()) {
      Acknowledged();
    } else if (deadline_ == MonotonicTime::Never()) {
      for (const auto& [token, bytes] : own_) oldest = std::max(oldest, bytes);
      const int64_t large = oldest > kFreeBytes ? oldest - kFreeBytes : 0;
      since_ = now;
      deadline_ = now + kAcknowledgeWithin + absl::Seconds(large / kSlowestLink);
    }
    if (now < deadline_) return false;
    Reset();
    return true;
  }
  MonotonicTime deadline() const { return deadline_; }
  // Since when it waits for an acknowledgement; never: for none.
  MonotonicTime since() const { return since_; }

 private:
  std::map<MqttToken, int64_t> own_;  // bytes of each
  MonotonicTime deadline_ = MonotonicTime::Never();
  MonotonicTime since_ = MonotonicTime::Never();
};

}  // namespace fieldgate::cloud_link
