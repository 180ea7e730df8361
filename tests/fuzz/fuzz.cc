#include "tests/fuzz/fuzz.h"

#include <cstdio>
#include <cstdlib>

namespace fieldgate::fuzz {
namespace {

// Of 100 ms, the promise (PROTOCOL 1), ten times as much: sanitizers take most
// of it. A quadratic cost takes far more.
constexpr absl::Duration kMostCpuTime = absl::Seconds(1);

bool under_libfuzzer = false;

}  // namespace

void Check(bool holds, const char* what, std::source_location here) {
  if (holds) return;
  std::fprintf(stderr, "%s:%u: %s\n", here.file_name(), here.line(), what);
  std::abort();
}

void CheckCpuTime(absl::Duration used, std::source_location here) {
  Check(!under_libfuzzer || used < kMostCpuTime, "the input takes too long", here);
}

bool IsUtf8(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[i + k]); };
    const size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
    if (length == 1) {
      ++i;
      continue;
    }
    if (byte(0) < 0xC2 || byte(0) > 0xF4 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      if (byte(k) < 0x80 || byte(k) > 0xBF) return false;
    }
    const bool too_short =
        (byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xF0 && byte(1) < 0x90);
    const bool surrogate = byte(0) == 0xED && byte(1) > 0x9F;
    if (too_short || surrogate || (byte(0) == 0xF4 && byte(1) > 0x8F)) return false;
    i += length;
  }
  return true;
}

uint8_t Input::Byte() {
  if (rest_.empty()) return 0;
  const auto byte = static_cast<uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return byte;
}

uint16_t Input::Word() {
  const int high = Byte();
  return static_cast<uint16_t>(high << 8 | Byte());
}

uint32_t Input::Long() {
  const uint32_t high = Word();
  return high << 16 | Word();
}

uint64_t Input::Quad() {
  const uint64_t high = Long();
  return high << 32 | Long();
}

absl::string_view Input::Text() {
  const size_t end = rest_.find('\0');
  if (end == absl::string_view::npos) return Rest();
  const absl::string_view text = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return text;
}

absl::string_view Input::Bytes(size_t size) {
  const absl::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(bytes.size());
  return bytes;
}

}  // namespace fieldgate::fuzz

// libFuzzer calls it before the first input; nobody else does.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  fieldgate::fuzz::under_libfuzzer = true;
  return 0;
}
