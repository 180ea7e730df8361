#include "services/process_data/logging/record_codec.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "absl/status/status.h"
#include "services/process_data/sample.h"

namespace fieldgate::process_data {
namespace {

constexpr int kStateShift = 3;
constexpr int kFormShift = 5;
constexpr int kKindMask = 0x07;
constexpr int kStateMask = 0x03;

constexpr double kPowers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
constexpr int kMaxDecimals = 6;
// Seven bytes as a varint; beyond, the short form isn't shorter.
constexpr double kMaxMantissa = 1e14;

void PutVarint(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// The decimals with which `value` is a short decimal number, exactly; -1: it is
// none.
int DecimalsOf(double value, int64_t& mantissa) {
  for (int decimals = 0; decimals <= kMaxDecimals; ++decimals) {
    const double scaled = std::nearbyint(value * kPowers[decimals]);
    if (!(std::abs(scaled) < kMaxMantissa)) return -1;
    mantissa = static_cast<int64_t>(scaled);
    const double back = static_cast<double>(mantissa) / kPowers[decimals];
    if (std::bit_cast<uint64_t>(back) == std::bit_cast<uint64_t>(value)) return decimals;
  }
  return -1;
}

void PutTag(int kind, int state, int form, std::string& out) {
  out.push_back(static_cast<char>(kind | (state << kStateShift) | (form << kFormShift)));
}

void PutFloat(uint64_t bits, int kind, int state, std::string& out) {
  int64_t mantissa = 0;
  const int decimals = DecimalsOf(std::bit_cast<double>(bits), mantissa);
  PutTag(kind, state, decimals + 1, out);
  if (decimals >= 0) return PutVarint(ZigZag(mantissa), out);
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
}

absl::string_view CutText(absl::string_view text) {
  if (text.size() <= kMaxRecordedText) return text;
  size_t end = kMaxRecordedText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

class Reader {
 public:
  explicit Reader(absl::string_view bytes) : bytes_(bytes) {}

  bool AtEnd() const { return bytes_.empty(); }

  bool Byte(uint8_t& byte) {
    if (bytes_.empty()) return false;
    byte = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return true;
  }

  bool Varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      uint8_t byte = 0;
      if (!Byte(byte)) return false;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool Fixed64(uint64_t& value) {
    value = 0;
    for (int i = 0; i < 8; ++i) {
      uint8_t byte = 0;
      if (!Byte(byte)) return false;
      value |= static_cast<uint64_t>(byte) << (8 * i);
    }
    return true;
  }

  bool Text(std::string& text) {
    uint64_t size = 0;
    if (!Varint(size) || size > bytes_.size()) return false;
    text = std::string(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return true;
  }

 private:
  absl::string_view bytes_;
};

bool ReadValue(Reader& reader, RecordValues& values) {
  uint8_t tag = 0;
  if (!reader.Byte(tag)) return false;
  const int form = tag >> kFormShift;
  const auto kind = static_cast<ValueKind>(tag & kKindMask);
  uint64_t bits = 0;
  switch (kind) {
    case ValueKind::kNone:
      break;
    case ValueKind::kFloat:
      if (form == 0) {
        if (!reader.Fixed64(bits)) return false;
      } else {
        if (!reader.Varint(bits)) return false;
        bits = std::bit_cast<uint64_t>(static_cast<double>(UnZigZag(bits)) / kPowers[form - 1]);
      }
      break;
    case ValueKind::kInt:
      if (!reader.Varint(bits)) return false;
      bits = static_cast<uint64_t>(UnZigZag(bits));
      break;
    case ValueKind::kUint:
      if (!reader.Varint(bits)) return false;
      break;
    case ValueKind::kBool:
      bits = form & 1;
      break;
    case ValueKind::kText:
      bits = values.texts.size();
      if (!reader.Text(values.texts.emplace_back())) return false;
      break;
    default:
      return false;
  }
  values.kinds.push_back(static_cast<char>(kind));
  values.states.push_back(static_cast<char>((tag >> kStateShift) & kStateMask));
  values.bits.push_back(bits);
  return true;
}

}  // namespace

std::string EncodeRecord(const RecordValues& values) {
  std::string out;
  out.reserve(values.size() * 4);
  for (size_t i = 0; i < values.size(); ++i) {
    const int kind = values.kinds[i];
    const int state = values.states[i];
    const uint64_t bits = values.bits[i];
    switch (static_cast<ValueKind>(kind)) {
      case ValueKind::kNone:
        PutTag(kind, state, 0, out);
        break;
      case ValueKind::kFloat:
        PutFloat(bits, kind, state, out);
        break;
      case ValueKind::kInt:
        PutTag(kind, state, 0, out);
        PutVarint(ZigZag(static_cast<int64_t>(bits)), out);
        break;
      case ValueKind::kUint:
        PutTag(kind, state, 0, out);
        PutVarint(bits, out);
        break;
      case ValueKind::kBool:
        PutTag(kind, state, bits != 0 ? 1 : 0, out);
        break;
      case ValueKind::kText: {
        const absl::string_view text = CutText(values.texts[bits]);
        PutTag(kind, state, 0, out);
        PutVarint(text.size(), out);
        out.append(text.data(), text.size());
        break;
      }
    }
  }
  return out;
}

absl::StatusOr<RecordValues> DecodeRecord(absl::string_view bytes) {
  RecordValues values;
  Reader reader(bytes);
  while (!reader.AtEnd()) {
    if (!ReadValue(reader, values)) return absl::DataLossError("the record's values are damaged");
  }
  return values;
}

}  // namespace fieldgate::process_data
