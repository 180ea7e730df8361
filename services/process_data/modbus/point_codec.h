#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/config_store.pb.h"
#include "services/process_data/bus/bus.h"
#include "services/process_data/sample.h"

namespace fieldgate::process_data {

// Between the registers of a point and its value: type, byte order, scale and
// offset, bit of a register. Everything is worked out once, when it is made.
// Pure; immutable.
class PointCodec {
 public:
  // kInvalidArgument: a point that can't be read: beyond the end of the table,
  // without type, a STRING without length, a long type in a table of bits.
  static absl::StatusOr<PointCodec> Create(const config_store::v1::BusPoint& point);

  RegisterAddress first() const { return first_; }
  // Registers, or bits, from first().
  uint16_t count() const { return count_; }
  // A single bit of a register: writing it takes read, WithBit and write.
  bool is_bit_of_register() const { return bit_ >= 0; }

  // Decodes `words` [count()]. A sample that is not valid: the device sent a
  // float that is no number. `text` is set for kText only: cut at the first
  // NUL; Latin-1 when it is not UTF-8; control characters become spaces.
  Sample Decode(const uint16_t* words, std::string& text) const;

  // The registers to write for `text` [count()]; for a single bit, 0 or 1.
  // Undoes offset and scale, rounds to the nearest integer.
  // kInvalidArgument: no value of the type, or out of its range.
  absl::StatusOr<std::vector<uint16_t>> Encode(absl::string_view text) const;

  // `word` with the point's bit changed.
  uint16_t WithBit(uint16_t word, bool on) const;

  // What a reading of `raw` is as a value of a numeric point.
  Sample Scaled(int64_t raw) const;

 private:
  PointCodec() = default;

  uint64_t Assemble(const uint16_t* words) const;
  std::vector<uint16_t> Split(uint64_t raw) const;
  Sample DecodeFloat(double raw) const;
  double Apply(double raw) const;
  double Unscale(double value) const;
  void DecodeString(const uint16_t* words, std::string& text) const;
  absl::StatusOr<std::vector<uint16_t>> EncodeString(absl::string_view text) const;
  absl::StatusOr<uint64_t> EncodeInteger(absl::string_view text) const;
  absl::StatusOr<uint64_t> EncodeFloat(absl::string_view text) const;

  config_store::v1::BusPoint::Type type_ = config_store::v1::BusPoint::TYPE_UNSPECIFIED;
  RegisterAddress first_;
  uint16_t count_ = 0;
  uint16_t length_ = 0;  // bytes of a STRING
  bool swap_words_ = false;
  bool swap_bytes_ = false;
  bool scaled_ = false;
  int bit_ = -1;
  double scale_ = 1;
  // Not 0: divide by it instead of multiplying by scale_ (its inverse), so
  // that 3 * 0.1 is 0.3.
  double divisor_ = 0;
  // Not 0: value_offset_ in steps of the divisor, added before dividing, so
  // that 481 * 0.01 - 2 is 2.81.
  double raw_offset_ = 0;
  double value_offset_ = 0;
};

}  // namespace fieldgate::process_data
