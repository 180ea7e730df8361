#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/simulators/modbus/register_server.h"

namespace fieldgate {

// A Modbus TCP server with the registers of RegisterServer for every unit, on
// the loopback or any other address. One thread serves all connections; a slow
// or hanging answer holds up its own connection only. Thread-safe.
class ModbusSimulator {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    int port = 0;  // 0: a free one
    // Holding registers from 0 that change with each read.
    uint32_t changing = 0;
  };

  // kUnavailable: can't listen there.
  static absl::StatusOr<std::unique_ptr<ModbusSimulator>> Start(const Options& options);
  ~ModbusSimulator();

  ModbusSimulator(const ModbusSimulator&) = delete;
  ModbusSimulator& operator=(const ModbusSimulator&) = delete;

  int port() const { return port_; }

  // From the next request on. Answers that hang stay unanswered.
  void SetFault(const ModbusFault& fault);
  void Hang() { SetFault({.kind = ModbusFault::Kind::kHang}); }
  void Recover() { SetFault({}); }
  // Closes all connections now.
  void DropConnections();

  void SetHoldingRegister(uint16_t address, uint16_t word, uint8_t unit = 1);
  uint16_t HoldingRegister(uint16_t address, uint8_t unit = 1);
  void SetCoil(uint16_t address, bool on, uint8_t unit = 1);
  bool Coil(uint16_t address, uint8_t unit = 1);

  // Since the start: requests that came, also those answered with a fault.
  uint64_t requests(uint8_t unit);
  uint64_t requests();
  uint64_t connections() const { return connections_accepted_; }

 private:
  struct Connection {
    std::vector<uint8_t> in;
    // The answer that waits for its time; further requests wait behind it.
    std::vector<uint8_t> late;
    absl::Time late_at = absl::InfiniteFuture();
  };

  ModbusSimulator(int listener, int wake, int port, const Options& options);

  void Run();
  void Accept();
  // False: the connection is to be closed.
  bool Receive(int fd, Connection& connection);
  bool AnswerRequests(int fd, Connection& connection);
  bool SendLate(int fd, Connection& connection, absl::Time now);
  std::vector<uint8_t> Garbage(const std::vector<uint8_t>& frame);
  void Wake();

  const int listener_;
  const int wake_;
  const int port_;
  const absl::Time start_;
  std::map<int, Connection> connections_;  // the thread's
  uint32_t garbage_ = 0;                   // the thread's
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> drop_ = false;
  std::atomic<uint64_t> connections_accepted_ = 0;
  std::mutex mutex_;
  RegisterServer server_;
  std::map<uint8_t, uint64_t> requests_;
  std::thread thread_;  // last: it uses everything else
};

}  // namespace fieldgate
