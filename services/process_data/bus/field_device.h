#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/process_data/sample.h"

namespace fieldgate::process_data {

// What one poll of a device gave: one sample and text a point, in the order of
// the configuration. Kept from poll to poll, so that a poll allocates nothing.
struct Cycle {
  std::vector<Sample> samples;
  std::vector<std::string> texts;  // where the sample's kind is kText
};

// A point as the device has it after it was written.
struct Readback {
  Sample sample;  // not valid: it was written, but can't be read
  std::string text;
};

// One device of a line, whatever its protocol. Poll and Write are called by
// the line's thread alone and block for the device's timeouts; CheckWrite and
// Cancel may be called by any thread.
class FieldDevice {
 public:
  virtual ~FieldDevice() = default;

  virtual size_t points() const = 0;

  // Reads all points. `retry`: a request may be tried again as configured (a
  // device known to be dead gets one try). Gives up between two requests once
  // `give_up` is true.
  //
  // OK: the device answered at least one request; points whose request failed
  // have samples that are not valid.
  // kCancelled: given up; `cycle` is undefined.
  // Other errors (see Bus): no request succeeded; the message says why.
  virtual absl::Status Poll(bool retry, const std::atomic<bool>& give_up, Cycle& cycle) = 0;

  // kPermissionDenied: the point is read-only.
  // kInvalidArgument:  `text` is no value of the point's type or range.
  virtual absl::Status CheckWrite(size_t point, absl::string_view text) const = 0;

  // Writes a point and reads it back. CheckWrite was OK.
  // kFailedPrecondition: the device refuses.
  // kUnavailable, kDeadlineExceeded, kDataLoss, kCancelled: see Bus.
  virtual absl::StatusOr<Readback> Write(size_t point, absl::string_view text) = 0;

  // Ends the running call soon, and lets every later one fail.
  virtual void Cancel() = 0;
};

}  // namespace fieldgate::process_data
