#include "services/process_data/modbus/point_codec.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/value/value.h"

namespace fieldgate::process_data {
namespace {

using config_store::v1::BusPoint;

constexpr uint32_t kTableSize = 65536;
constexpr uint32_t kMaxStringBytes = 250;  // 125 registers, one request

struct TypeInfo {
  const char* name;
  int bits;
  bool is_signed;
};

TypeInfo InfoOf(BusPoint::Type type) {
  switch (type) {
    case BusPoint::UINT16:
      return {"uint16", 16, false};
    case BusPoint::INT16:
      return {"int16", 16, true};
    case BusPoint::UINT32:
      return {"uint32", 32, false};
    case BusPoint::INT32:
      return {"int32", 32, true};
    case BusPoint::UINT64:
      return {"uint64", 64, false};
    case BusPoint::INT64:
      return {"int64", 64, true};
    case BusPoint::FLOAT32:
      return {"float32", 32, true};
    case BusPoint::FLOAT64:
      return {"float64", 64, true};
    case BusPoint::BOOL:
      return {"bool", 16, false};
    default:
      return {"", 0, false};
  }
}

uint16_t SwapBytes(uint16_t word) { return static_cast<uint16_t>(word << 8 | word >> 8); }

// The double that prints as the shortest decimal that is this float: 23.4, not
// 23.399999618530273.
double ShortestDouble(float number) {
  const double exact = number;
  const double magnitude = std::fabs(exact);
  // Beyond, nine decimals aren't enough, or none is needed.
  if (!(magnitude >= 1e-4 && magnitude < 1e9)) return exact;
  double power = 1;
  for (int decimals = 0; decimals <= 12; ++decimals, power *= 10) {
    const double rounded = std::nearbyint(exact * power) / power;
    if (static_cast<float>(rounded) == number) return rounded;
  }
  return exact;
}

// 1 / scale when that is a whole number and gives the same double back.
double DivisorOf(double scale) {
  const double inverse = std::nearbyint(1 / scale);
  return std::fabs(inverse) >= 2 && std::fabs(inverse) <= 1e15 && 1 / inverse == scale ? inverse
                                                                                       : 0;
}

bool IsUtf8(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t more = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : 3;
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || i + more >= text.size()) return false;
    uint32_t code = more == 0 ? lead : lead & (0x3f >> more);
    for (size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next >> 6 != 2) return false;
      code = code << 6 | (next & 0x3f);
    }
    const bool overlong = (more == 2 && code < 0x800) || (more == 3 && code < 0x10000);
    if (overlong || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return false;
    i += more + 1;
  }
  return true;
}

std::string FromLatin1(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | byte >> 6);
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

template <class Integer>
std::optional<Integer> Exactly(absl::string_view text) {
  Integer number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

absl::Status NotA(absl::string_view text, const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not ", what));
}

}  // namespace

absl::StatusOr<PointCodec> PointCodec::Create(const BusPoint& point) {
  PointCodec codec;
  switch (point.register_()) {
    case BusPoint::HOLDING:
      codec.first_.table = RegisterTable::kHolding;
      break;
    case BusPoint::INPUT:
      codec.first_.table = RegisterTable::kInput;
      break;
    case BusPoint::COIL:
      codec.first_.table = RegisterTable::kCoil;
      break;
    case BusPoint::DISCRETE:
      codec.first_.table = RegisterTable::kDiscrete;
      break;
    default:
      return absl::InvalidArgumentError("no register table");
  }
  codec.type_ = point.type();
  uint32_t count = 1;
  if (point.type() == BusPoint::STRING) {
    if (point.length() < 1 || point.length() > kMaxStringBytes) {
      return absl::InvalidArgumentError("a string has a length of 1 to 250 bytes");
    }
    codec.length_ = static_cast<uint16_t>(point.length());
    count = (point.length() + 1) / 2;
  } else {
    count = static_cast<uint32_t>(InfoOf(point.type()).bits) / 16;
    if (count == 0) return absl::InvalidArgumentError("no type");
  }
  if (IsBitTable(codec.first_.table)) {
    if (count != 1 || point.type() == BusPoint::STRING) {
      return absl::InvalidArgumentError("a coil or discrete input is one bit");
    }
  } else if (point.has_bit() && point.type() == BusPoint::BOOL) {
    if (point.bit() > 15) return absl::InvalidArgumentError("a register has bits 0 to 15");
    codec.bit_ = static_cast<int>(point.bit());
  }
  if (point.offset() + uint64_t{count} > kTableSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("register ", point.offset(), " is beyond the table's 65536"));
  }
  codec.first_.offset = static_cast<uint16_t>(point.offset());
  codec.count_ = static_cast<uint16_t>(count);
  const BusPoint::ByteOrder order = point.byte_order();
  if (!IsBitTable(codec.first_.table)) {
    codec.swap_words_ = order == BusPoint::CDAB || order == BusPoint::DCBA;
    codec.swap_bytes_ = order == BusPoint::BADC || order == BusPoint::DCBA;
  }
  codec.scale_ = point.scale() == 0 ? 1 : point.scale();
  codec.value_offset_ = point.value_offset();
  if (!std::isfinite(codec.scale_) || !std::isfinite(codec.value_offset_)) {
    return absl::InvalidArgumentError("scale and offset are not finite");
  }
  codec.scaled_ = codec.scale_ != 1 || codec.value_offset_ != 0;
  codec.divisor_ = DivisorOf(codec.scale_);
  const double raw_offset = std::nearbyint(codec.value_offset_ * codec.divisor_);
  if (codec.divisor_ != 0 && raw_offset / codec.divisor_ == codec.value_offset_) {
    codec.raw_offset_ = raw_offset;
  }
  return codec;
}

uint64_t PointCodec::Assemble(const uint16_t* words) const {
  uint64_t raw = 0;
  for (int i = 0; i < count_; ++i) {
    const uint16_t word = words[swap_words_ ? count_ - 1 - i : i];
    raw = raw << 16 | (swap_bytes_ ? SwapBytes(word) : word);
  }
  return raw;
}

std::vector<uint16_t> PointCodec::Split(uint64_t raw) const {
  std::vector<uint16_t> words(count_);
  for (int i = count_ - 1; i >= 0; --i, raw >>= 16) {
    const auto word = static_cast<uint16_t>(raw);
    words[static_cast<size_t>(swap_words_ ? count_ - 1 - i : i)] =
        swap_bytes_ ? SwapBytes(word) : word;
  }
  return words;
}

double PointCodec::Apply(double raw) const {
  if (raw_offset_ != 0) return (raw + raw_offset_) / divisor_;
  return (divisor_ != 0 ? raw / divisor_ : raw * scale_) + value_offset_;
}

double PointCodec::Unscale(double value) const {
  if (!scaled_) return value;
  const double product = value - value_offset_;
  return divisor_ != 0 ? product * divisor_ : product / scale_;
}

Sample PointCodec::DecodeFloat(double raw) const {
  const double value = scaled_ ? Apply(raw) : raw;
  if (!std::isfinite(value)) return Sample();
  return Sample::Float(value);
}

Sample PointCodec::Scaled(int64_t raw) const {
  if (scaled_) return DecodeFloat(static_cast<double>(raw));
  return InfoOf(type_).is_signed ? Sample::Int(raw) : Sample::Uint(static_cast<uint64_t>(raw));
}

Sample PointCodec::Decode(const uint16_t* words, std::string& text) const {
  if (type_ == BusPoint::STRING) {
    DecodeString(words, text);
    return Sample::Text();
  }
  const uint64_t raw = Assemble(words);
  switch (type_) {
    case BusPoint::BOOL:
      return Sample::Bool(bit_ >= 0 ? (raw >> bit_ & 1) != 0 : raw != 0);
    case BusPoint::INT16:
      return Scaled(static_cast<int16_t>(raw));
    case BusPoint::INT32:
      return Scaled(static_cast<int32_t>(raw));
    case BusPoint::INT64:
      return Scaled(static_cast<int64_t>(raw));
    case BusPoint::FLOAT32:
      return DecodeFloat(ShortestDouble(std::bit_cast<float>(static_cast<uint32_t>(raw))));
    case BusPoint::FLOAT64:
      return DecodeFloat(std::bit_cast<double>(raw));
    default:
      return scaled_ ? DecodeFloat(static_cast<double>(raw)) : Sample::Uint(raw);
  }
}

void PointCodec::DecodeString(const uint16_t* words, std::string& text) const {
  text.clear();
  for (size_t i = 0; i < length_; ++i) {
    const uint16_t word = words[i / 2];
    const bool high = (i % 2 == 0) != swap_bytes_;
    const char c = static_cast<char>(high ? word >> 8 : word & 0xff);
    if (c == '\0') break;
    const auto byte = static_cast<unsigned char>(c);
    text += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  if (!IsUtf8(text)) text = FromLatin1(text);
}

absl::StatusOr<std::vector<uint16_t>> PointCodec::Encode(absl::string_view text) const {
  switch (type_) {
    case BusPoint::STRING:
      return EncodeString(text);
    case BusPoint::BOOL: {
      const bool on = text == "1" || text == "true";
      if (!on && text != "0" && text != "false") return NotA(text, "0, 1, false or true");
      return std::vector<uint16_t>{bit_ < 0 && swap_bytes_ ? SwapBytes(on)
                                                           : static_cast<uint16_t>(on)};
    }
    case BusPoint::FLOAT32:
    case BusPoint::FLOAT64: {
      const absl::StatusOr<uint64_t> raw = EncodeFloat(text);
      if (!raw.ok()) return raw.status();
      return Split(*raw);
    }
    default: {
      const absl::StatusOr<uint64_t> raw = EncodeInteger(text);
      if (!raw.ok()) return raw.status();
      if (IsBitTable(first_.table) && *raw > 1) return NotA(text, "0 or 1");
      return Split(*raw);
    }
  }
}

absl::StatusOr<std::vector<uint16_t>> PointCodec::EncodeString(absl::string_view text) const {
  if (text.size() > length_) {
    return absl::InvalidArgumentError(
        absl::StrCat("a text of ", text.size(), " bytes is longer than the point's ", length_));
  }
  std::vector<uint16_t> words(count_);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool high = (i % 2 == 0) != swap_bytes_;
    words[i / 2] = static_cast<uint16_t>(words[i / 2] | (high ? byte << 8 : byte));
  }
  return words;
}

absl::StatusOr<uint64_t> PointCodec::EncodeInteger(absl::string_view text) const {
  const TypeInfo type = InfoOf(type_);
  const absl::Status out_of_range =
      absl::InvalidArgumentError(absl::StrCat("'", text, "' is out of the range of ", type.name,
                                              scaled_ ? " after scale and offset are undone" : ""));
  if (!scaled_ && type.bits == 64) {  // a double would lose digits
    if (type.is_signed) {
      if (const auto exact = Exactly<int64_t>(text)) return static_cast<uint64_t>(*exact);
    } else if (const auto exact = Exactly<uint64_t>(text)) {
      return *exact;
    }
  }
  const std::optional<double> number = ParseNumber(text);
  if (!number) return NotA(text, "a number");
  const double rounded = std::round(Unscale(*number));
  const double span = std::ldexp(1.0, type.is_signed ? type.bits - 1 : type.bits);
  // Written so that a NaN is out of range, too.
  if (!(rounded >= (type.is_signed ? -span : 0) && rounded < span)) return out_of_range;
  return type.is_signed ? static_cast<uint64_t>(static_cast<int64_t>(rounded))
                        : static_cast<uint64_t>(rounded);
}

absl::StatusOr<uint64_t> PointCodec::EncodeFloat(absl::string_view text) const {
  const std::optional<double> number = ParseNumber(text);
  if (!number) return NotA(text, "a number");
  const double raw = Unscale(*number);
  const bool single = type_ == BusPoint::FLOAT32;
  const double largest =
      single ? double{std::numeric_limits<float>::max()} : std::numeric_limits<double>::max();
  if (!(std::fabs(raw) <= largest)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is out of the range of ", InfoOf(type_).name));
  }
  if (single) return uint64_t{std::bit_cast<uint32_t>(static_cast<float>(raw))};
  return std::bit_cast<uint64_t>(raw);
}

uint16_t PointCodec::WithBit(uint16_t word, bool on) const {
  const int position = swap_bytes_ ? bit_ ^ 8 : bit_;
  const auto mask = static_cast<uint16_t>(1u << position);
  return static_cast<uint16_t>(on ? word | mask : word & ~mask);
}

}  // namespace fieldgate::process_data
