#pragma once

#include <memory>
#include <string>

#include "services/process_data/bus/bus.h"

namespace fieldgate::process_data {

// Modbus TCP over libmodbus: one connection to one host and port, for all
// units behind it.
//
// After an answer that is late or makes no sense the connection is closed, so
// that it can't be taken for the answer to the next request. A gateway that
// answers "target device failed to respond" (exceptions 10 and 11) counts as
// no answer of the unit, and the connection stays.
class ModbusBus : public Bus {
 public:
  // `host`: a name or an address, IPv4 or IPv6. Doesn't connect yet.
  ModbusBus(std::string host, uint16_t port);
  ~ModbusBus() override;

  absl::Status Read(const Target& target, RegisterAddress first,
                    absl::Span<uint16_t> words) override;
  absl::Status Write(const Target& target, RegisterAddress first,
                     absl::Span<const uint16_t> words) override;
  void Cancel() override;

 private:
  class Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace fieldgate::process_data
