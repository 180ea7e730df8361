#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"

namespace fieldgate {

// What a request is answered with instead of its answer.
struct ModbusFault {
  // The numbers are those of the control register.
  enum class Kind : uint16_t {
    kNone = 0,
    kHang = 1,       // never answered; the connection stays open
    kException = 2,  // with `exception`
    kDrop = 3,       // the connection is closed
    kSlow = 4,       // answered after `delay`
    kGarbage = 5,    // a frame that is wrong in one of several ways, in turn
    kOtherUnit = 6,  // the answer, in the name of the next unit
  };
  Kind kind = Kind::kNone;
  uint8_t exception = 2;
  absl::Duration delay = absl::ZeroDuration();
  // Only requests to this unit; 0: to all.
  uint8_t unit = 0;
  // Only requests that touch these addresses; count 0: all requests.
  uint16_t first = 0;
  uint32_t count = 0;
};

// The devices behind one Modbus TCP port: for each unit
//
//  holding registers  0..65535   hold what is written to them, 0 at first, but
//    0..changing-1               (if asked for) count the requests: address +
//                                number of read requests, so all of them change
//                                with each read
//    30000..30003                Unix time in microseconds when they are read,
//                                uint64, ABCDEFGH (also as input registers)
//    65000..65004                control, the same for all units, see below
//  input registers    0..65535   waveforms by address modulo 5: counter, sine,
//                                square, ramp, random walk
//  coils              0..65535   hold what is written to them, 0 at first
//  discrete inputs    0..65535   square waves, 1 to 10 s each value
//
// Writing holding register 65000 sets the fault: kind (ModbusFault::Kind),
// with the parameter of 65001 (exception code, or delay in ms), the unit of
// 65002 and the addresses from 65003, as many as 65004 says. Requests for the
// control registers are never faulty.
//
// Thread-compatible. No sockets, no clock.
class RegisterServer {
 public:
  static constexpr uint16_t kTimestamp = 30000;
  static constexpr uint16_t kControl = 65000;
  static constexpr uint16_t kControlCount = 5;

  explicit RegisterServer(uint32_t changing) : changing_(changing) {}

  // The answer to a request (function code and data), an exception if need be.
  // `since_start` is the time of the waveforms.
  std::vector<uint8_t> Answer(uint8_t unit, absl::Span<const uint8_t> request, absl::Time now,
                              absl::Duration since_start);

  // The fault that applies to a request; kNone if none does.
  ModbusFault FaultOf(uint8_t unit, absl::Span<const uint8_t> request) const;
  void SetFault(const ModbusFault& fault) { fault_ = fault; }

  uint16_t& Holding(uint8_t unit, uint16_t address) { return MemoryOf(unit).holding[address]; }
  uint8_t& Coil(uint8_t unit, uint16_t address) { return MemoryOf(unit).coils[address]; }

 private:
  struct Memory {
    std::vector<uint16_t> holding = std::vector<uint16_t>(65536);
    std::vector<uint16_t> walk = std::vector<uint16_t>(65536, 1000);
    std::vector<uint8_t> coils = std::vector<uint8_t>(65536);
  };

  Memory& MemoryOf(uint8_t unit) { return memories_[unit]; }
  uint16_t ReadHolding(uint8_t unit, uint16_t address, absl::Time now);
  uint16_t ReadInput(uint8_t unit, uint16_t address, absl::Time now, absl::Duration since_start);
  bool ReadBit(uint8_t unit, bool coil, uint16_t address, absl::Duration since_start);
  void WriteHolding(uint8_t unit, uint16_t address, uint16_t word);
  void ApplyControl();

  const uint32_t changing_;
  std::map<uint8_t, Memory> memories_;
  std::vector<uint16_t> control_ = std::vector<uint16_t>(kControlCount);
  ModbusFault fault_;
  uint64_t reads_ = 0;
  uint32_t random_ = 1;
};

}  // namespace fieldgate
