#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "services/process_data/modem/modem.h"

namespace fieldgate::process_data {

// Who knows the modems. One thread at a time.
class ModemSource {
 public:
  virtual ~ModemSource() = default;

  // The modem that the network interface `interface` belongs to, otherwise the
  // first; none: there is no modem. Blocks; a peer that hangs may make it block
  // for ever.
  //
  // kNotFound:         nobody manages modems here.
  // kDeadlineExceeded: who does is silent.
  // kPermissionDenied: who does won't tell us.
  // kUnavailable:      the answer is an error, or makes no sense.
  virtual absl::StatusOr<std::optional<Modem>> Read(const std::string& interface) = 0;

  // Gives up what it holds until the next Read.
  virtual void Rest() = 0;
};

}  // namespace fieldgate::process_data
