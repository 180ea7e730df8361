// Registers of any point become a value, and the value registers again.
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "services/process_data/modbus/point_codec.h"
#include "tests/fuzz/fuzz.h"

namespace fieldgate::fuzz {
namespace {

using config_store::v1::BusPoint;
using process_data::PointCodec;
using process_data::Sample;
using process_data::ValueKind;

constexpr double kScales[] = {0, 1, 0.1, 0.01, 0.001, 10, 1000, 0.5, 3, -0.1};

BusPoint PointOf(Input& input) {
  BusPoint point;
  point.set_register_(static_cast<BusPoint::Register>(input.Below(5)));
  point.set_type(static_cast<BusPoint::Type>(input.Below(12)));
  point.set_byte_order(static_cast<BusPoint::ByteOrder>(input.Below(5)));
  point.set_offset(input.Byte() % 2 == 0 ? input.Word() : input.Long());
  point.set_length(input.Byte());
  const uint8_t flags = input.Byte();
  if ((flags & 1) != 0) point.set_bit(input.Byte());
  if ((flags & 2) != 0) point.set_scale(std::bit_cast<double>(input.Quad()));
  if ((flags & 4) != 0) point.set_value_offset(std::bit_cast<double>(input.Quad()));
  if ((flags & 8) != 0) point.set_scale(kScales[input.Below(std::size(kScales))]);
  return point;
}

// The integer behind every number of the scale comes back.
bool IsExact(const BusPoint& point, uint64_t raw) {
  if (point.scale() == 0 && point.value_offset() == 0) return true;
  return point.value_offset() == 0 && std::fabs(point.scale()) >= 0.001 &&
         std::fabs(point.scale()) <= 1000 && raw < (uint64_t{1} << 40);
}

Value ToValue(const Sample& sample, const std::string& text) {
  return process_data::ToValue(sample.kind, sample.bits, text);
}

void CheckSample(const Sample& sample, const std::string& text) {
  if (!sample.valid) {
    Check(sample.kind == ValueKind::kNone, "a value that is not valid");
    return;
  }
  if (sample.kind == ValueKind::kFloat) {
    Check(std::isfinite(std::bit_cast<double>(sample.bits)), "no number");
  }
  if (sample.kind == ValueKind::kBool) Check(sample.bits <= 1, "neither 0 nor 1");
  if (sample.kind != ValueKind::kText) return;
  Check(IsUtf8(text), "not UTF-8");
  for (const char c : text) Check(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "control");
}

void CheckInput(Input input) {
  const BusPoint point = PointOf(input);
  const absl::StatusOr<PointCodec> codec = PointCodec::Create(point);
  if (!codec.ok()) {
    Check(absl::IsInvalidArgument(codec.status()) && !codec.status().message().empty(), "error");
    return;
  }
  Check(codec->count() >= 1 && codec->count() <= 125, "more than one request can read");
  Check(codec->first().offset + codec->count() <= 65536, "beyond the table");
  std::vector<uint16_t> words(codec->count());
  const bool bits = process_data::IsBitTable(codec->first().table);
  uint64_t raw = 0;
  for (uint16_t& word : words) {
    word = bits ? input.Byte() % 2 : input.Word();
    raw = raw << 16 | word;
  }
  std::string text;
  const Sample sample = Bounded([&] { return codec->Decode(words.data(), text); });
  CheckSample(sample, text);
  if (sample.valid) {
    const std::string written = ToText(process_data::ToValue(sample.kind, sample.bits, text));
    const absl::StatusOr<std::vector<uint16_t>> encoded = codec->Encode(written);
    const bool number = sample.kind != ValueKind::kText;
    Check(encoded.ok() || !number || !IsExact(point, raw), "what was read can't be written");
    if (encoded.ok() && (!number || IsExact(point, raw))) {
      Check(encoded->size() == codec->count(), "another number of registers");
      std::vector<uint16_t> stored = *encoded;
      if (codec->is_bit_of_register()) {
        stored[0] = codec->WithBit(words[0], stored[0] != 0);
        Check(stored[0] == words[0], "another bit changed");
      }
      std::string again_text;
      const Sample again = codec->Decode(stored.data(), again_text);
      Check(ToValue(again, again_text) == ToValue(sample, text), "another value");
    }
  }
  const absl::string_view anything = input.Rest();
  const absl::StatusOr<std::vector<uint16_t>> encoded =
      Bounded([&] { return codec->Encode(anything); });
  if (encoded.ok()) {
    Check(encoded->size() == codec->count(), "another number of registers");
  } else {
    Check(absl::IsInvalidArgument(encoded.status()), "another error");
  }
}

}  // namespace
}  // namespace fieldgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fieldgate::fuzz::CheckInput({data, size});
  return 0;
}
