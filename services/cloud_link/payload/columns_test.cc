// What is packed is unpacked the same: random samples of every kind. A failure
// names its seed.
#include "services/cloud_link/payload/columns.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "common/value/value.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

class Samples {
 public:
  explicit Samples(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t n) { return random_() % n; }

  // Neighbours are often alike, as they are in a device.
  Sample Next() {
    if (Below(4) == 0) kind_ = Below(8);
    if (Below(4) == 0) state_ = static_cast<uint8_t>(Below(3));
    return {NextValue(), state_, 1};
  }

 private:
  Value NextValue() {
    constexpr double kOdd[] = {0.0,    -0.0,    1e15,    1e15 - 1,           -1e15,
                               5e-324, -1e-300, 1.7e308, 9007199254740993.0, 0.1};
    const int shift = static_cast<int>(Below(64));
    switch (kind_) {
      case 0:
        return Value();
      case 1:
        return Below(2) == 0;
      case 2:
        return static_cast<int64_t>(random_() >> shift) * (Below(2) == 0 ? 1 : -1);
      case 3:
        return random_() >> shift;
      case 4:
        return static_cast<double>(static_cast<int64_t>(Below(2'000'000)) - 1'000'000) / 1000;
      case 5:
        return kOdd[Below(std::size(kOdd))];
      case 6:
        return Below(2) == 0 ? std::nan("") : -std::numeric_limits<double>::infinity();
      default: {
        std::string text(Below(20), '\0');
        for (char& c : text) c = static_cast<char>(random_());
        return text;
      }
    }
  }

  std::mt19937_64 random_;
  uint64_t kind_ = 0;
  uint8_t state_ = 1;
};

Value ValueOf(const Cell& cell, const std::string& columns) {
  switch (cell.kind) {
    case CellKind::kNone:
      return Value();
    case CellKind::kFalse:
      return false;
    case CellKind::kTrue:
      return true;
    case CellKind::kInt:
      return static_cast<int64_t>(cell.bits);
    case CellKind::kUint:
      return cell.bits;
    case CellKind::kDouble:
      return NumberOf(cell);
    case CellKind::kText:
      return std::string(TextOf(cell, columns));
  }
  return Value();
}

// The same value: a double that is an integer may have become one, and what no
// number can be written for is none.
void ExpectSame(const Value& packed, const Value& unpacked) {
  const auto* number = std::get_if<double>(&packed);
  if (number == nullptr) {
    EXPECT_EQ(unpacked, packed);
  } else if (!std::isfinite(*number)) {
    EXPECT_EQ(unpacked, Value());
  } else {
    EXPECT_EQ(ToNumber(unpacked), *number);
    EXPECT_EQ(ToText(unpacked), ToText(packed)) << "the body would change";
  }
}

TEST(ColumnsTest, AnySamplesComeBackAsTheyWerePacked) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Samples random(seed);
    std::vector<Sample> samples(1 + random.Below(60));
    for (Sample& sample : samples) sample = random.Next();
    std::vector<uint32_t> channels;
    for (uint32_t c = 0; c < samples.size(); ++c) {
      if (random.Below(3) != 0) channels.push_back(c);
    }
    const std::string columns = PackColumns(channels, samples);
    const absl::StatusOr<std::vector<Cell>> cells = UnpackColumns(columns, samples.size());
    ASSERT_TRUE(cells.ok()) << "seed " << seed << ": " << cells.status();
    ASSERT_EQ(cells->size(), channels.size()) << "seed " << seed;
    for (size_t i = 0; i < channels.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", channel " << channels[i]);
      EXPECT_EQ((*cells)[i].channel, channels[i]);
      EXPECT_EQ((*cells)[i].state, samples[channels[i]].state);
      ExpectSame(samples[channels[i]].value, ValueOf((*cells)[i], columns));
    }
    if (testing::Test::HasFailure()) return;
  }
}

TEST(ColumnsTest, ARangeIsPackedAsTheListOfItsChannels) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Samples random(seed);
    std::vector<Sample> samples(1 + random.Below(60));
    for (Sample& sample : samples) sample = random.Next();
    const auto first = static_cast<uint32_t>(random.Below(samples.size()));
    const auto count = static_cast<uint32_t>(random.Below(samples.size() - first + 1));
    std::vector<uint32_t> channels;
    for (uint32_t c = first; c < first + count; ++c) channels.push_back(c);
    EXPECT_EQ(PackColumns(first, count, samples), PackColumns(channels, samples))
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
