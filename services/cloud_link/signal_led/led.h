#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "services/cloud_link/signal_led/signal.h"

namespace fieldgate::cloud_link {

// One LED of the Linux LED class. It may be missing or not writable: that is
// logged once, tried again every kLookEvery, and concerns nobody else. One that
// has changed behind our back, since it was plugged in anew or by another
// program, is written again within that time, too.
//
// The kernel lets it flash where it has a timer trigger; elsewhere Settle does,
// when it is called by NextDeadline. Thread-compatible. Each call reads and
// writes a few files of sysfs, which wait for nothing.
class Led {
 public:
  static constexpr absl::Duration kHalfPeriod = absl::Milliseconds(500);
  static constexpr absl::Duration kLookEvery = absl::Seconds(5);

  // "/sys/class/leds/box:green:signal"; nothing is written yet.
  explicit Led(std::string folder) : folder_(std::move(folder)) {}

  // Lights it so from now on.
  void Show(Light light, MonotonicTime now);
  void Settle(MonotonicTime now);
  MonotonicTime NextDeadline() const { return deadline_; }

  const std::string& folder() const { return folder_; }

 private:
  void Apply(MonotonicTime now);
  absl::Status Write();
  absl::Status WriteFlashing();
  absl::Status SetBrightness(bool on);
  absl::Status SetTrigger(const std::string& trigger);
  bool IsAsWritten();
  void NoteResult(const absl::Status& status);

  const std::string folder_;
  std::optional<Light> light_;  // none: never shown
  bool written_ = false;        // it is lit so, as far as is known
  bool has_timer_ = false;      // the kernel has the trigger
  bool toggling_ = false;       // it flashes by us
  bool lit_ = false;            // while toggling
  bool failed_ = false;         // logged
  MonotonicTime deadline_ = MonotonicTime::Never();
};

}  // namespace fieldgate::cloud_link
