#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/testing/cpu_time.h"

// What every fuzz target needs.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fieldgate::fuzz {

// Ends the process, saying what and where, unless `holds`.
void Check(bool holds, const char* what,
           std::source_location here = std::source_location::current());

// Ends the process if more CPU time went by than any input may take. Does so
// under libFuzzer only: a test must not depend on the machine's speed.
void CheckCpuTime(absl::Duration used, std::source_location here = std::source_location::current());

// Calls `work`, which is what the product does with the input, and checks its
// CPU time.
template <class Work>
auto Bounded(Work&& work, std::source_location here = std::source_location::current()) {
  const absl::Duration begin = ThreadCpuTime();
  auto result = std::forward<Work>(work)();
  CheckCpuTime(ThreadCpuTime() - begin, here);
  return result;
}

bool IsUtf8(absl::string_view text);

// Takes an input apart. At its end every number is 0 and every text empty.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  uint8_t Byte();
  uint16_t Word();  // big endian
  uint32_t Long();
  uint64_t Quad();
  // 0 .. below - 1
  uint32_t Below(uint32_t below) { return below == 0 ? 0 : Word() % below; }
  // Up to the next zero byte, which it skips.
  absl::string_view Text();
  absl::string_view Bytes(size_t size);
  absl::string_view Rest() { return std::exchange(rest_, {}); }

 private:
  absl::string_view rest_;
};

}  // namespace fieldgate::fuzz
