// PD-36: a record's bytes.
#include "services/process_data/logging/record_codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "services/process_data/sample.h"

namespace fieldgate::process_data {
namespace {

RecordValues One(ValueKind kind, uint64_t bits, int state = 1) {
  return {std::string(1, static_cast<char>(kind)),
          std::string(1, static_cast<char>(state)),
          {bits},
          {}};
}

RecordValues Float(double value) { return One(ValueKind::kFloat, std::bit_cast<uint64_t>(value)); }

RecordValues Text(const std::string& text) {
  RecordValues values = One(ValueKind::kText, 0);
  values.texts.push_back(text);
  return values;
}

void ExpectSame(const RecordValues& values) {
  const absl::StatusOr<RecordValues> back = DecodeRecord(EncodeRecord(values));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, values);
}

TEST(RecordCodecTest, EveryKindAndStateReadsBackTheSame) {
  for (const int state : {0, 1, 2}) {
    ExpectSame(One(ValueKind::kNone, 0, state));
    ExpectSame(One(ValueKind::kBool, 0, state));
    ExpectSame(One(ValueKind::kBool, 1, state));
    ExpectSame(One(ValueKind::kInt, static_cast<uint64_t>(-5), state));
  }
  for (const int64_t i : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min(),
                          std::numeric_limits<int64_t>::max()}) {
    ExpectSame(One(ValueKind::kInt, static_cast<uint64_t>(i)));
  }
  for (const uint64_t u :
       {uint64_t{0}, uint64_t{127}, uint64_t{128}, std::numeric_limits<uint64_t>::max()}) {
    ExpectSame(One(ValueKind::kUint, u));
  }
  for (const char* text : {"", "x", "\xc2\xb0 C"}) ExpectSame(Text(text));
}

TEST(RecordCodecTest, FloatsReadBackBitByBit) {
  for (const double d :
       {0.0, -0.0, 1.0, 23.4, -23.4, 0.1 + 0.2, 1.0 / 3, 0.000001, 1e-7, 123456789.123456, 1e14,
        1e15, 1e300, 5e-324, static_cast<double>(23.4f), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity(), std::nan("")}) {
    SCOPED_TRACE(d);
    ExpectSame(Float(d));
  }
}

TEST(RecordCodecTest, MeasuredValuesAreShort) {
  EXPECT_EQ(EncodeRecord(Float(23.4)).size(), 3u);
  EXPECT_EQ(EncodeRecord(Float(230.25)).size(), 4u);
  EXPECT_EQ(EncodeRecord(Float(1.0 / 3)).size(), 9u);
  EXPECT_EQ(EncodeRecord(One(ValueKind::kUint, 100)).size(), 2u);
  EXPECT_EQ(EncodeRecord(One(ValueKind::kBool, 1)).size(), 1u);
}

TEST(RecordCodecTest, ARowOfValuesKeepsItsOrderAndTexts) {
  RecordValues values;
  for (int i = 0; i < 100; ++i) {
    const bool text = i % 3 == 0;
    values.kinds.push_back(static_cast<char>(text ? ValueKind::kText : ValueKind::kInt));
    values.states.push_back(static_cast<char>(i % 3));
    values.bits.push_back(text ? values.texts.size() : static_cast<uint64_t>(i));
    if (text) values.texts.push_back("t" + std::to_string(i));
  }
  ExpectSame(values);
}

TEST(RecordCodecTest, ALongTextIsCutBetweenCharacters) {
  ExpectSame(Text(std::string(kMaxRecordedText, 'x')));
  const std::string degrees = std::string(kMaxRecordedText - 1, 'x') + "\xc2\xb0";
  EXPECT_EQ(DecodeRecord(EncodeRecord(Text(degrees)))->texts[0],
            std::string(kMaxRecordedText - 1, 'x'));
}

TEST(RecordCodecTest, DamagedBytesAreDataLoss) {
  const std::string longest = EncodeRecord(Float(1.0 / 3)) + EncodeRecord(Text("text"));
  for (size_t size = 1; size < longest.size(); ++size) {
    if (size == EncodeRecord(Float(1.0 / 3)).size()) continue;  // a whole value
    EXPECT_EQ(DecodeRecord(longest.substr(0, size)).status().code(), absl::StatusCode::kDataLoss)
        << size;
  }
  EXPECT_FALSE(DecodeRecord("\x06").ok()) << "no such kind";
  EXPECT_FALSE(DecodeRecord(std::string("\x03") + std::string(11, '\xff')).ok());
}

}  // namespace
}  // namespace fieldgate::process_data
