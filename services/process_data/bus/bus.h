#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace fieldgate::process_data {

// The four tables of Modbus: registers of 16 bits, and single bits.
enum class RegisterTable : uint8_t { kHolding, kInput, kCoil, kDiscrete };

inline bool IsBitTable(RegisterTable table) {
  return table == RegisterTable::kCoil || table == RegisterTable::kDiscrete;
}

// Zero-based, as in the protocol.
struct RegisterAddress {
  RegisterTable table = RegisterTable::kHolding;
  uint16_t offset = 0;

  friend bool operator==(const RegisterAddress&, const RegisterAddress&) = default;
};

// Which device on a bus, and how long it has for one request.
struct Target {
  uint8_t unit = 0;
  absl::Duration timeout;
};

// A connection to devices that have registers. It connects by itself, with the
// first request and again after it was lost. One thread at a time, but for
// Cancel. A call blocks for at most the target's timeout to connect and once
// more for the answer.
//
// Errors of Read and Write:
// kFailedPrecondition: the device refused (Modbus exception); try no more.
// kDeadlineExceeded:   no answer in time; the message has the time.
// kDataLoss:           the answer makes no sense; the connection was closed.
// kUnavailable:        can't connect, or the connection broke.
// kInvalidArgument:    the protocol can't express the request.
// kCancelled:          Cancel was called.
class Bus {
 public:
  virtual ~Bus() = default;

  // Fills `words` from the table: a register each, or a bit each as 0 or 1. At
  // most 125 registers or 2,000 bits. `words` is undefined after an error.
  virtual absl::Status Read(const Target& target, RegisterAddress first,
                            absl::Span<uint16_t> words) = 0;

  // Writes holding registers (at most 123) or one coil. OK: acknowledged by the
  // device. After another error than kFailedPrecondition, kInvalidArgument and
  // kCancelled it is not known whether it was done.
  virtual absl::Status Write(const Target& target, RegisterAddress first,
                             absl::Span<const uint16_t> words) = 0;

  // Ends the running call soon, and lets every later one fail. Any thread.
  virtual void Cancel() = 0;
};

}  // namespace fieldgate::process_data
