#include "tests/simulators/modbus/register_server.h"

#include <cmath>

namespace fieldgate {
namespace {

enum Function : uint8_t {
  kReadCoils = 1,
  kReadDiscrete = 2,
  kReadHolding = 3,
  kReadInput = 4,
  kWriteCoil = 5,
  kWriteRegister = 6,
  kWriteCoils = 15,
  kWriteRegisters = 16,
};

enum Exception : uint8_t { kIllegalFunction = 1, kIllegalAddress = 2, kIllegalValue = 3 };

constexpr uint32_t kTableSize = 65536;
constexpr double kPi = 3.14159265358979323846;

uint16_t WordAt(absl::Span<const uint8_t> bytes, size_t index) {
  return static_cast<uint16_t>(bytes[index] << 8 | bytes[index + 1]);
}

void AppendWord(std::vector<uint8_t>& bytes, uint16_t word) {
  bytes.push_back(static_cast<uint8_t>(word >> 8));
  bytes.push_back(static_cast<uint8_t>(word));
}

std::vector<uint8_t> ExceptionTo(uint8_t function, uint8_t code) {
  return {static_cast<uint8_t>(function | 0x80), code};
}

// The addresses that a request touches; nothing when it is too short to say.
struct Range {
  uint16_t first = 0;
  uint32_t count = 0;
};

Range RangeOf(absl::Span<const uint8_t> request) {
  if (request.size() < 5) return {};
  const uint8_t function = request[0];
  const bool single = function == kWriteCoil || function == kWriteRegister;
  return {WordAt(request, 1), single ? 1u : WordAt(request, 3)};
}

bool Overlap(const Range& a, const Range& b) {
  return a.first < b.first + b.count && b.first < a.first + a.count;
}

uint32_t MaxCount(uint8_t function) {
  switch (function) {
    case kReadCoils:
    case kReadDiscrete:
      return 2000;
    case kReadHolding:
    case kReadInput:
      return 125;
    case kWriteCoils:
      return 1968;
    case kWriteRegisters:
      return 123;
    default:
      return 1;
  }
}

}  // namespace

uint16_t RegisterServer::ReadHolding(uint8_t unit, uint16_t address, absl::Time now) {
  if (address >= kTimestamp && address < kTimestamp + 4) {
    const auto micros = static_cast<uint64_t>(absl::ToUnixMicros(now));
    return static_cast<uint16_t>(micros >> (16 * (kTimestamp + 3 - address)));
  }
  if (address >= kControl && address < kControl + kControlCount)
    return control_[address - kControl];
  if (address < changing_) return static_cast<uint16_t>(reads_ + address);
  return MemoryOf(unit).holding[address];
}

uint16_t RegisterServer::ReadInput(uint8_t unit, uint16_t address, absl::Time now,
                                   absl::Duration since_start) {
  if (address >= kTimestamp && address < kTimestamp + 4) return ReadHolding(unit, address, now);
  const double seconds = absl::ToDoubleSeconds(since_start);
  switch (address % 5) {
    case 0:
      return static_cast<uint16_t>(static_cast<int64_t>(seconds * 10) + address);
    case 1:
      return static_cast<uint16_t>(32768 +
                                   30000 * std::sin(2 * kPi * seconds / (10 + address % 50)));
    case 2:
      return static_cast<uint16_t>((static_cast<int64_t>(seconds) + address) % 2 * 1000);
    case 3:
      return static_cast<uint16_t>((static_cast<int64_t>(seconds * 100) + address) % 1000);
    default: {
      random_ = random_ * 1664525 + 1013904223;  // Numerical Recipes' generator
      uint16_t& walk = MemoryOf(unit).walk[address];
      walk = static_cast<uint16_t>(walk + (random_ >> 24) % 21 - 10);
      return walk;
    }
  }
}

bool RegisterServer::ReadBit(uint8_t unit, bool coil, uint16_t address,
                             absl::Duration since_start) {
  if (coil) return MemoryOf(unit).coils[address] != 0;
  return absl::ToInt64Seconds(since_start) / (1 + address % 10) % 2 != 0;
}

void RegisterServer::WriteHolding(uint8_t unit, uint16_t address, uint16_t word) {
  if (address >= kControl && address < kControl + kControlCount) {
    control_[address - kControl] = word;
  } else {
    MemoryOf(unit).holding[address] = word;
  }
}

void RegisterServer::ApplyControl() {
  fault_ = ModbusFault();
  if (control_[0] <= static_cast<uint16_t>(ModbusFault::Kind::kOtherUnit)) {
    fault_.kind = static_cast<ModbusFault::Kind>(control_[0]);
  }
  fault_.exception = static_cast<uint8_t>(control_[1]);
  fault_.delay = absl::Milliseconds(control_[1]);
  fault_.unit = static_cast<uint8_t>(control_[2]);
  fault_.first = control_[3];
  fault_.count = control_[4];
}

ModbusFault RegisterServer::FaultOf(uint8_t unit, absl::Span<const uint8_t> request) const {
  const Range range = RangeOf(request);
  const bool control = !request.empty() &&
                       (request[0] == kReadHolding || request[0] == kWriteRegister ||
                        request[0] == kWriteRegisters) &&
                       Overlap(range, {kControl, kControlCount});
  if (control || (fault_.unit != 0 && fault_.unit != unit)) return ModbusFault();
  if (fault_.count != 0 && !Overlap(range, {fault_.first, fault_.count})) return ModbusFault();
  return fault_;
}

std::vector<uint8_t> RegisterServer::Answer(uint8_t unit, absl::Span<const uint8_t> request,
                                            absl::Time now, absl::Duration since_start) {
  if (request.empty()) return ExceptionTo(0, kIllegalFunction);
  const uint8_t function = request[0];
  const bool is_read = function >= kReadCoils && function <= kReadInput;
  const bool is_single = function == kWriteCoil || function == kWriteRegister;
  const bool is_multiple = function == kWriteCoils || function == kWriteRegisters;
  if (!is_read && !is_single && !is_multiple) return ExceptionTo(function, kIllegalFunction);
  if (request.size() < (is_multiple ? 6u : 5u)) return ExceptionTo(function, kIllegalValue);
  const auto [first, count] = RangeOf(request);
  if (count == 0 || count > MaxCount(function)) return ExceptionTo(function, kIllegalValue);
  if (first + count > kTableSize) return ExceptionTo(function, kIllegalAddress);

  if (is_single) {
    const uint16_t word = WordAt(request, 3);
    if (function == kWriteCoil) {
      MemoryOf(unit).coils[first] = word != 0;
    } else {
      WriteHolding(unit, first, word);
      if (first == kControl) ApplyControl();
    }
    return {request.begin(), request.begin() + 5};
  }
  if (is_multiple) {
    const size_t bytes = function == kWriteCoils ? (count + 7) / 8 : count * 2;
    if (request[5] != bytes || request.size() != 6 + bytes) {
      return ExceptionTo(function, kIllegalValue);
    }
    for (uint32_t i = 0; i < count; ++i) {
      const auto address = static_cast<uint16_t>(first + i);
      if (function == kWriteCoils) {
        MemoryOf(unit).coils[address] = request[6 + i / 8] >> (i % 8) & 1;
      } else {
        WriteHolding(unit, address, WordAt(request, 6 + i * 2));
      }
    }
    if (function == kWriteRegisters && first <= kControl && kControl < first + count) {
      ApplyControl();
    }
    return {request.begin(), request.begin() + 5};
  }
  ++reads_;
  std::vector<uint8_t> answer = {function, 0};
  if (function == kReadCoils || function == kReadDiscrete) {
    answer.resize(2 + (count + 7) / 8);
    for (uint32_t i = 0; i < count; ++i) {
      const auto address = static_cast<uint16_t>(first + i);
      if (ReadBit(unit, function == kReadCoils, address, since_start)) {
        answer[2 + i / 8] = static_cast<uint8_t>(answer[2 + i / 8] | 1 << (i % 8));
      }
    }
  } else {
    for (uint32_t i = 0; i < count; ++i) {
      const auto address = static_cast<uint16_t>(first + i);
      AppendWord(answer, function == kReadHolding ? ReadHolding(unit, address, now)
                                                  : ReadInput(unit, address, now, since_start));
    }
  }
  answer[1] = static_cast<uint8_t>(answer.size() - 2);
  return answer;
}

}  // namespace fieldgate
