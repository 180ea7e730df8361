#include "services/process_data/modbus/point_codec.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>

#include "common/value/value.h"

namespace fieldgate::process_data {
namespace {

using config_store::v1::BusPoint;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Words = std::vector<uint16_t>;

BusPoint Point(BusPoint::Type type, BusPoint::ByteOrder order = BusPoint::ABCD) {
  BusPoint point;
  point.set_register_(BusPoint::HOLDING);
  point.set_type(type);
  point.set_byte_order(order);
  point.set_scale(1);
  return point;
}

BusPoint Scaled(BusPoint::Type type, double scale, double offset = 0) {
  BusPoint point = Point(type);
  point.set_scale(scale);
  point.set_value_offset(offset);
  return point;
}

BusPoint BitOf(uint32_t bit, BusPoint::ByteOrder order = BusPoint::ABCD) {
  BusPoint point = Point(BusPoint::BOOL, order);
  point.set_bit(bit);
  return point;
}

BusPoint String(uint32_t length, BusPoint::ByteOrder order = BusPoint::ABCD) {
  BusPoint point = Point(BusPoint::STRING, order);
  point.set_length(length);
  return point;
}

// As the image and a reader of it see it.
Value Decode(const BusPoint& point, const Words& words) {
  const absl::StatusOr<PointCodec> codec = PointCodec::Create(point);
  if (!codec.ok()) return std::string(codec.status().message());
  EXPECT_EQ(codec->count(), words.size());
  std::string text;
  const Sample sample = codec->Decode(words.data(), text);
  return sample.valid ? ToValue(sample.kind, sample.bits, text) : Value();
}

absl::StatusOr<Words> Encode(const BusPoint& point, absl::string_view text) {
  return PointCodec::Create(point)->Encode(text);
}

struct OrderCase {
  BusPoint::Type type;
  BusPoint::ByteOrder order;
  Words words;  // as they come over the wire
  Value value;
};

class ByteOrderTest : public testing::TestWithParam<OrderCase> {};

TEST_P(ByteOrderTest, IsDecoded) {
  EXPECT_EQ(Decode(Point(GetParam().type, GetParam().order), GetParam().words), GetParam().value);
}

TEST_P(ByteOrderTest, IsEncoded) {
  const absl::StatusOr<Words> words =
      Encode(Point(GetParam().type, GetParam().order), ToText(GetParam().value));
  ASSERT_TRUE(words.ok()) << words.status();
  EXPECT_EQ(*words, GetParam().words);
}

constexpr auto kAbcd = BusPoint::ABCD;
constexpr auto kCdab = BusPoint::CDAB;
constexpr auto kBadc = BusPoint::BADC;
constexpr auto kDcba = BusPoint::DCBA;

INSTANTIATE_TEST_SUITE_P(
    Integers, ByteOrderTest,
    testing::Values(
        OrderCase{BusPoint::UINT16, kAbcd, {0xa1b2}, uint64_t{0xa1b2}},
        OrderCase{BusPoint::UINT16, kCdab, {0xa1b2}, uint64_t{0xa1b2}},
        OrderCase{BusPoint::UINT16, kBadc, {0xb2a1}, uint64_t{0xa1b2}},
        OrderCase{BusPoint::UINT16, kDcba, {0xb2a1}, uint64_t{0xa1b2}},
        OrderCase{BusPoint::INT16, kAbcd, {0xfffe}, int64_t{-2}},
        OrderCase{BusPoint::INT16, kCdab, {0xfffe}, int64_t{-2}},
        OrderCase{BusPoint::INT16, kBadc, {0xfeff}, int64_t{-2}},
        OrderCase{BusPoint::INT16, kDcba, {0xfeff}, int64_t{-2}},
        OrderCase{BusPoint::UINT32, kAbcd, {0xa1b2, 0xc3d4}, uint64_t{0xa1b2c3d4}},
        OrderCase{BusPoint::UINT32, kCdab, {0xc3d4, 0xa1b2}, uint64_t{0xa1b2c3d4}},
        OrderCase{BusPoint::UINT32, kBadc, {0xb2a1, 0xd4c3}, uint64_t{0xa1b2c3d4}},
        OrderCase{BusPoint::UINT32, kDcba, {0xd4c3, 0xb2a1}, uint64_t{0xa1b2c3d4}},
        OrderCase{BusPoint::INT32, kAbcd, {0xfffe, 0x1dc0}, int64_t{-123456}},
        OrderCase{BusPoint::INT32, kCdab, {0x1dc0, 0xfffe}, int64_t{-123456}},
        OrderCase{BusPoint::INT32, kBadc, {0xfeff, 0xc01d}, int64_t{-123456}},
        OrderCase{BusPoint::INT32, kDcba, {0xc01d, 0xfeff}, int64_t{-123456}},
        OrderCase{BusPoint::UINT64,
                  kAbcd,
                  {0xa1b2, 0xc3d4, 0xe5f6, 0x0718},
                  uint64_t{0xa1b2c3d4e5f60718}},
        OrderCase{BusPoint::UINT64,
                  kCdab,
                  {0x0718, 0xe5f6, 0xc3d4, 0xa1b2},
                  uint64_t{0xa1b2c3d4e5f60718}},
        OrderCase{BusPoint::UINT64,
                  kBadc,
                  {0xb2a1, 0xd4c3, 0xf6e5, 0x1807},
                  uint64_t{0xa1b2c3d4e5f60718}},
        OrderCase{BusPoint::UINT64,
                  kDcba,
                  {0x1807, 0xf6e5, 0xd4c3, 0xb2a1},
                  uint64_t{0xa1b2c3d4e5f60718}},
        OrderCase{BusPoint::INT64, kAbcd, {0xffff, 0xffff, 0xffff, 0xfffe}, int64_t{-2}},
        OrderCase{BusPoint::INT64, kCdab, {0xfffe, 0xffff, 0xffff, 0xffff}, int64_t{-2}},
        OrderCase{BusPoint::INT64, kBadc, {0xffff, 0xffff, 0xffff, 0xfeff}, int64_t{-2}},
        OrderCase{BusPoint::INT64, kDcba, {0xfeff, 0xffff, 0xffff, 0xffff}, int64_t{-2}}));

// 123.456 is 0x42f6e979 as float32; 123.456 is 0x405edd2f1a9fbe77 as float64.
INSTANTIATE_TEST_SUITE_P(
    Floats, ByteOrderTest,
    testing::Values(OrderCase{BusPoint::FLOAT32, kAbcd, {0x42f6, 0xe979}, 123.456},
                    OrderCase{BusPoint::FLOAT32, kCdab, {0xe979, 0x42f6}, 123.456},
                    OrderCase{BusPoint::FLOAT32, kBadc, {0xf642, 0x79e9}, 123.456},
                    OrderCase{BusPoint::FLOAT32, kDcba, {0x79e9, 0xf642}, 123.456},
                    OrderCase{BusPoint::FLOAT64, kAbcd, {0x405e, 0xdd2f, 0x1a9f, 0xbe77}, 123.456},
                    OrderCase{BusPoint::FLOAT64, kCdab, {0xbe77, 0x1a9f, 0xdd2f, 0x405e}, 123.456},
                    OrderCase{BusPoint::FLOAT64, kBadc, {0x5e40, 0x2fdd, 0x9f1a, 0x77be}, 123.456},
                    OrderCase{
                        BusPoint::FLOAT64, kDcba, {0x77be, 0x9f1a, 0x2fdd, 0x5e40}, 123.456}));

INSTANTIATE_TEST_SUITE_P(Bools, ByteOrderTest,
                         testing::Values(OrderCase{BusPoint::BOOL, kAbcd, {1}, true},
                                         OrderCase{BusPoint::BOOL, kDcba, {0x0100}, true},
                                         OrderCase{BusPoint::BOOL, kAbcd, {0}, false}));

TEST(PointCodecTest, AnyRegisterThatIsNotZeroIsTrue) {
  EXPECT_EQ(Decode(Point(BusPoint::BOOL), {0x8000}), Value(true));
}

TEST(PointCodecTest, ABitOfARegisterIsCountedFromTheLeastSignificant) {
  EXPECT_EQ(Decode(BitOf(0), {0x0001}), Value(true));
  EXPECT_EQ(Decode(BitOf(15), {0x8000}), Value(true));
  EXPECT_EQ(Decode(BitOf(7), {0xff7f}), Value(false));
}

TEST(PointCodecTest, ABitIsCountedAfterTheBytesWereSwapped) {
  EXPECT_EQ(Decode(BitOf(0, BusPoint::BADC), {0x0100}), Value(true));
  const PointCodec codec = *PointCodec::Create(BitOf(0, BusPoint::BADC));
  EXPECT_EQ(codec.WithBit(0, true), 0x0100);
}

TEST(PointCodecTest, ChangingABitLeavesTheOthers) {
  const PointCodec codec = *PointCodec::Create(BitOf(3));
  EXPECT_EQ(codec.WithBit(0xff00, true), 0xff08);
  EXPECT_EQ(codec.WithBit(0xffff, false), 0xfff7);
}

TEST(PointCodecTest, ScaleAndOffsetMakeAnIntegerAFloat) {
  EXPECT_EQ(Decode(Scaled(BusPoint::INT16, 0.5, -40), {100}), Value(10.0));
  EXPECT_EQ(Decode(Scaled(BusPoint::UINT32, 1, 1), {0, 5}), Value(6.0));
}

TEST(PointCodecTest, ADecimalScaleGivesTheDecimalThatPeopleExpect) {
  EXPECT_EQ(ToText(Decode(Scaled(BusPoint::UINT16, 0.1), {3})), "0.3");
  EXPECT_EQ(ToText(Decode(Scaled(BusPoint::INT16, 0.001), {0xfffd})), "-0.003");
  for (uint16_t raw = 0; raw < 10'000; ++raw) {
    const std::string text = ToText(Decode(Scaled(BusPoint::UINT16, 0.01), {raw}));
    EXPECT_LE(text.size(), 5u) << raw << " became " << text;
    const std::string moved = ToText(Decode(Scaled(BusPoint::UINT16, 0.01, -2.5), {raw}));
    EXPECT_LE(moved.size(), 5u) << raw << " became " << moved;
  }
}

TEST(PointCodecTest, AFloat32PrintsAsItsShortestDecimal) {
  const float numbers[] = {23.4f, -0.1f, 1e-3f, 3.14159f, 16777216.0f, 0.0f, 1234.5678f};
  const char* texts[] = {"23.4", "-0.1", "0.001", "3.14159", "16777216", "0", "1234.5677"};
  for (size_t i = 0; i < 7; ++i) {
    const auto bits = std::bit_cast<uint32_t>(numbers[i]);
    const Words words = {static_cast<uint16_t>(bits >> 16), static_cast<uint16_t>(bits)};
    EXPECT_EQ(ToText(Decode(Point(BusPoint::FLOAT32), words)), texts[i]);
  }
}

TEST(PointCodecTest, AFloat32IsNeverChangedByShorteningIt) {
  uint32_t bits = 1;
  for (int i = 0; i < 100'000; ++i) {
    bits = bits * 1664525 + 1013904223;
    const auto number = std::bit_cast<float>(bits);
    if (!std::isfinite(number)) continue;
    const Words words = {static_cast<uint16_t>(bits >> 16), static_cast<uint16_t>(bits)};
    const Value value = Decode(Point(BusPoint::FLOAT32), words);
    ASSERT_EQ(static_cast<float>(std::get<double>(value)), number) << bits;
  }
}

TEST(PointCodecTest, AFloatThatIsNoNumberIsNotValid) {
  EXPECT_EQ(Decode(Point(BusPoint::FLOAT32), {0x7fc0, 0}), Value());
  EXPECT_EQ(Decode(Point(BusPoint::FLOAT32), {0x7f80, 0}), Value());
  EXPECT_EQ(Decode(Point(BusPoint::FLOAT64), {0xfff0, 0, 0, 0}), Value());
}

TEST(PointCodecTest, AStringEndsAtItsFirstNul) {
  EXPECT_EQ(Decode(String(5), {0x4142, 0x0043, 0x4400}), Value(std::string("AB")));
  EXPECT_EQ(Decode(String(3), {0x4142, 0x4344}), Value(std::string("ABC")));
}

TEST(PointCodecTest, AStringCanHaveSwappedBytes) {
  EXPECT_EQ(Decode(String(3, BusPoint::BADC), {0x4241, 0x4443}), Value(std::string("ABC")));
  EXPECT_THAT(*Encode(String(3, BusPoint::BADC), "ABC"), ElementsAre(0x4241, 0x0043));
}

TEST(PointCodecTest, AStringIsAlwaysUtf8WithoutControlCharacters) {
  EXPECT_EQ(Decode(String(2), {0xc2b0}), Value(std::string("\xc2\xb0")));  // UTF-8 stays
  EXPECT_EQ(Decode(String(2), {0xb043}), Value(std::string("\xc2\xb0"
                                                           "C")));  // Latin-1
  EXPECT_EQ(Decode(String(2), {0x410a}), Value(std::string("A ")));
}

TEST(PointCodecTest, ACoilIsOneBit) {
  BusPoint coil = Point(BusPoint::BOOL, BusPoint::DCBA);
  coil.set_register_(BusPoint::COIL);
  EXPECT_EQ(Decode(coil, {1}), Value(true));
  EXPECT_THAT(*Encode(coil, "true"), ElementsAre(1));
}

TEST(PointCodecTest, ScaleAndOffsetAreUndoneAndRoundedToTheNearest) {
  EXPECT_THAT(*Encode(Scaled(BusPoint::UINT16, 0.1), "23.5"), ElementsAre(235));
  EXPECT_THAT(*Encode(Scaled(BusPoint::UINT16, 0.1), "23.46"), ElementsAre(235));
  EXPECT_THAT(*Encode(Scaled(BusPoint::INT16, 0.5, -40), "10"), ElementsAre(100));
  EXPECT_THAT(*Encode(Point(BusPoint::UINT16), "12.5"), ElementsAre(13));
}

TEST(PointCodecTest, IntegersOf64BitsAreExact) {
  EXPECT_THAT(*Encode(Point(BusPoint::UINT64), "18446744073709551615"),
              ElementsAre(0xffff, 0xffff, 0xffff, 0xffff));
  EXPECT_THAT(*Encode(Point(BusPoint::INT64), "-9223372036854775807"),
              ElementsAre(0x8000, 0, 0, 1));
}

struct RangeCase {
  BusPoint::Type type;
  const char* lowest;
  const char* below;
  const char* highest;
  const char* above;
};

class RangeTest : public testing::TestWithParam<RangeCase> {};

TEST_P(RangeTest, EndsWhereTheTypeEnds) {
  const BusPoint point = Point(GetParam().type);
  EXPECT_TRUE(Encode(point, GetParam().lowest).ok());
  EXPECT_TRUE(Encode(point, GetParam().highest).ok());
  EXPECT_EQ(Encode(point, GetParam().below).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Encode(point, GetParam().above).status().code(), absl::StatusCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(
    Types, RangeTest,
    testing::Values(
        RangeCase{BusPoint::UINT16, "0", "-1", "65535", "65536"},
        RangeCase{BusPoint::INT16, "-32768", "-32769", "32767", "32768"},
        RangeCase{BusPoint::UINT32, "0", "-1", "4294967295", "4294967296"},
        RangeCase{BusPoint::INT32, "-2147483648", "-2147483649", "2147483647", "2147483648"},
        RangeCase{BusPoint::UINT64, "0", "-1", "18446744073709551615", "18446744073709551616"},
        RangeCase{BusPoint::INT64, "-9223372036854775808", "-9223372036854777856",
                  "9223372036854775807", "9223372036854775808"},
        RangeCase{BusPoint::FLOAT32, "-3.4e38", "-3.5e38", "3.4e38", "3.5e38"},
        RangeCase{BusPoint::FLOAT64, "-1e308", "-1e309", "1e308", "1e309"},
        RangeCase{BusPoint::BOOL, "0", "-1", "1", "2"}));

TEST(PointCodecTest, WhatIsNoNumberIsRefused) {
  for (const char* text : {"", "abc", "1 ", "0x10", "nan", "inf", "1,5"}) {
    EXPECT_FALSE(Encode(Point(BusPoint::INT32), text).ok()) << text;
    EXPECT_FALSE(Encode(Point(BusPoint::FLOAT64), text).ok()) << text;
    EXPECT_FALSE(Encode(Point(BusPoint::BOOL), text).ok()) << text;
  }
}

TEST(PointCodecTest, ATextLongerThanThePointIsRefused) {
  EXPECT_TRUE(Encode(String(3), "abc").ok());
  EXPECT_THAT(Encode(String(3), "abcd").status().message(), HasSubstr("longer"));
}

TEST(PointCodecTest, APointMustLieInItsTable) {
  BusPoint point = Point(BusPoint::UINT32);
  point.set_offset(65534);
  EXPECT_TRUE(PointCodec::Create(point).ok());
  point.set_offset(65535);
  EXPECT_FALSE(PointCodec::Create(point).ok());
}

TEST(PointCodecTest, PointsThatMakeNoSenseAreRefused) {
  BusPoint coil = Point(BusPoint::UINT32);
  coil.set_register_(BusPoint::COIL);
  EXPECT_FALSE(PointCodec::Create(coil).ok());
  EXPECT_FALSE(PointCodec::Create(String(0)).ok());
  EXPECT_FALSE(PointCodec::Create(String(251)).ok());
  EXPECT_FALSE(PointCodec::Create(BitOf(16)).ok());
  EXPECT_FALSE(PointCodec::Create(Point(BusPoint::TYPE_UNSPECIFIED)).ok());
  EXPECT_FALSE(
      PointCodec::Create(Scaled(BusPoint::INT16, std::numeric_limits<double>::infinity())).ok());
}

}  // namespace
}  // namespace fieldgate::process_data
