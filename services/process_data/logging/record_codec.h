#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fieldgate::process_data {

// The values of one record in columns, one a point, as proto ReadLogResponse
// has them.
struct RecordValues {
  std::string kinds;   // one byte each: ValueKind
  std::string states;  // one byte each
  std::vector<uint64_t> bits;
  std::vector<std::string> texts;  // of kText, whose bits are the index

  size_t size() const { return kinds.size(); }
  friend bool operator==(const RecordValues&, const RecordValues&) = default;
};

// Longer texts are cut there, between characters, so that a record of 1,000
// points stays below a megabyte.
inline constexpr size_t kMaxRecordedText = 1'000;

// A record's bytes on disk, which are part of logs.db's version. A value is a
// byte (bits 0-2 kind, 3-4 state, 5-7 see below) and then, by kind:
//   NONE   nothing
//   FLOAT  bits 5-7 = 0: its 8 bytes, least significant first; else n + 1, and
//          a zigzag varint m: the value is m / 10^n. Measured values have few
//          decimals: 23.4 takes three bytes.
//   INT    a zigzag varint;  UINT a varint
//   BOOL   nothing; bit 5 is the value
//   TEXT   its length as a varint, and its bytes
// Every value reads back the same, bit by bit.
std::string EncodeRecord(const RecordValues& values);

// kDataLoss: these are no record's bytes.
absl::StatusOr<RecordValues> DecodeRecord(absl::string_view bytes);

}  // namespace fieldgate::process_data
