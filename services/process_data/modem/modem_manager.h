#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "services/process_data/modem/modem_source.h"

namespace fieldgate::process_data {

// Where the system bus listens: DBUS_SYSTEM_BUS_ADDRESS, or the place that
// every system has.
std::string SystemBusAddress();

// ModemManager, asked over D-Bus. It is never started by that, and nothing of
// it is changed. A connection is kept from the first Read until Rest.
class ModemManager : public ModemSource {
 public:
  // `timeout` is for all answers of a Read together; it answers from memory,
  // within milliseconds.
  explicit ModemManager(std::string bus_address = SystemBusAddress(),
                        absl::Duration timeout = absl::Seconds(3));
  ~ModemManager() override;

  // As its base. Connecting has no bound: a bus that hangs accepts until its
  // queue is full.
  absl::StatusOr<std::optional<Modem>> Read(const std::string& interface) override;
  void Rest() override;

 private:
  class Connection;

  absl::StatusOr<std::optional<Modem>> ReadOnce(const std::string& interface);

  const std::string bus_address_;
  const absl::Duration timeout_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace fieldgate::process_data
