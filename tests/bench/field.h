#pragma once

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "common/testing/process.h"

namespace fieldgate::bench {

// A Modbus TCP device in a process of its own: holding registers 0..999 change
// with each read, 30000..30003 are its clock (Unix time in microseconds).
class Field {
 public:
  // kUnavailable: it doesn't start.
  static absl::StatusOr<std::unique_ptr<Field>> Start();

  int port() const { return port_; }

 private:
  Field(int port, std::unique_ptr<ChildProcess> process)
      : port_(port), process_(std::move(process)) {}

  const int port_;
  const std::unique_ptr<ChildProcess> process_;
};

}  // namespace fieldgate::bench
