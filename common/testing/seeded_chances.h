#pragma once

#include <cstdint>
#include <random>

namespace fieldgate {

// Chances that are the same for the same seed, on every machine.
class SeededChances {
 public:
  explicit SeededChances(uint64_t seed) : engine_(seed) {}

  uint64_t Below(uint64_t bound) { return engine_() % bound; }
  bool OneIn(uint64_t count) { return Below(count) == 0; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace fieldgate
