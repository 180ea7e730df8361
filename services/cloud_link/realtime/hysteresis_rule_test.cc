// Hysteresis against the plain rule of manual 7.2 and PROTOCOL 3, which is
// worked out here with exact decimals: random series of every type of value,
// with states, gps pairs and outages. A failure names its seed.
#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/cloud_link/realtime/hysteresis.h"

namespace fieldgate::cloud_link {
namespace {

// Thousandths: exact for 64-bit integers and for decimals of three places.
using Exact = __int128;

// A value, and the same as the rule sees it.
struct Reading {
  Value value;
  bool number = false;
  Exact thousandths = 0;  // of a number
  uint8_t state = 1;
};

// What is sent: all once; then what differs from the last value sent by the
// hysteresis or more, or has another state. What is no number is sent when it
// differs at all.
class Rule {
 public:
  Rule(size_t channels, int hysteresis_hundredths)
      : last_(channels), hysteresis_(hysteresis_hundredths) {}

  bool Sends(size_t channel, const Reading& now) const {
    if (!started_) return true;
    const Reading& last = last_[channel];
    if (now.state != last.state) return true;
    if (!now.number || !last.number) return now.value != last.value;
    const Exact difference = now.thousandths > last.thousandths
                                 ? now.thousandths - last.thousandths
                                 : last.thousandths - now.thousandths;
    if (difference == 0) return false;
    return difference >= Exact{hysteresis_} * 10;
  }
  void Sent(size_t channel, const Reading& now) {
    last_[channel] = now;
    started_ = true;
  }

 private:
  std::vector<Reading> last_;
  int hysteresis_;
  bool started_ = false;
};

enum class Kind { kDecimal, kInteger, kUnsigned, kWhole, kBool, kText, kMixed };
constexpr std::array kKinds = {Kind::kDecimal, Kind::kInteger, Kind::kUnsigned, Kind::kWhole,
                               Kind::kBool,    Kind::kText,    Kind::kMixed};

// One channel's values: steps around the hysteresis, and now and then a leap.
class Series {
 public:
  Series(Kind kind, int hysteresis_hundredths, std::mt19937_64& random)
      : kind_(kind), hysteresis_(hysteresis_hundredths), random_(random) {
    position_ = Leap();
  }

  Reading Next() {
    if (Below(8) == 0) state_ = static_cast<uint8_t>(Below(3));
    if (Below(3) != 0) position_ += Step();
    if (Below(30) == 0) position_ = Leap();
    Reading reading =
        ReadingOf(kind_ == Kind::kMixed ? kKinds[static_cast<size_t>(Below(6))] : kind_);
    reading.state = state_;
    return reading;
  }

 private:
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }

  // Often exactly the hysteresis, or a thousandth beside it.
  int64_t Step() {
    const int64_t exact = int64_t{hysteresis_} * 10;
    const int64_t step = Below(2) == 0 ? exact + Below(3) - 1 : Below(2 * exact + 3);
    return Below(2) == 0 ? step : -step;
  }

  int64_t Leap() { return Below(2'000'000'000'000) - 1'000'000'000'000; }

  // Integers stand at the ends of their ranges and around 2^53, where doubles
  // begin to round.
  Reading ReadingOf(Kind kind) {
    const int64_t steps = position_ / 1'000;
    switch (kind) {
      case Kind::kDecimal:
        return {static_cast<double>(position_) / 1'000, true, position_};
      case Kind::kInteger: {
        const int64_t anchors[] = {0, int64_t{1} << 53, -(int64_t{1} << 53),
                                   std::numeric_limits<int64_t>::max() - 2'000'000'000,
                                   std::numeric_limits<int64_t>::min() + 2'000'000'000};
        const int64_t integer = anchors[Anchor()] + steps;
        return {integer, true, Exact{integer} * 1'000};
      }
      case Kind::kUnsigned: {
        const uint64_t anchors[] = {2'000'000'000, uint64_t{1} << 53, uint64_t{1} << 63,
                                    std::numeric_limits<uint64_t>::max() - 2'000'000'000,
                                    2'000'000'000};
        const uint64_t integer = anchors[Anchor()] + static_cast<uint64_t>(steps);
        return {integer, true, Exact{integer} * 1'000};
      }
      case Kind::kWhole: {  // an integer as a double, where that holds it
        constexpr double kAnchors[] = {0, 0x1p53, -0x1p53, 0x1p60, 0x1p63};
        const double number = kAnchors[Anchor()] + static_cast<double>(steps);
        return {number, true, static_cast<Exact>(number) * 1'000};
      }
      case Kind::kBool:
        return {position_ % 2 == 0};
      case Kind::kText:
        return {std::string(position_ % 3 == 0 ? "open" : position_ % 3 == 1 ? "shut" : "")};
      case Kind::kMixed:
        break;
    }
    return {};
  }

  // Mostly the same, so that neighbours are compared, too.
  size_t Anchor() {
    if (Below(40) == 0) anchor_ = static_cast<size_t>(Below(5));
    return anchor_;
  }

  const Kind kind_;
  const int hysteresis_;
  std::mt19937_64& random_;
  int64_t position_ = 0;  // thousandths
  uint8_t state_ = 1;
  size_t anchor_ = 0;
};

class HysteresisRuleTest : public testing::TestWithParam<Kind> {};

TEST_P(HysteresisRuleTest, SendsWhatTheRuleSendsAndNothingElse) {
  constexpr int kHysteresis[] = {0, 1, 10, 50, 80, 99, 100, 150, 200, 850, 12'345};
  for (uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    const int hundredths = kHysteresis[seed % std::size(kHysteresis)];
    ChannelPlan plan;
    plan.partner = {0, 2, 1, 3};  // a gps point in the middle
    plan.hysteresis.assign(4, hundredths / 100.0);
    plan.sections = {{1, 0, 4}};
    Hysteresis hysteresis(plan, plan.sections[0]);
    Rule rule(4, hundredths);
    std::vector<Series> series;
    for (int c = 0; c < 4; ++c) series.emplace_back(GetParam(), hundredths, random);
    for (int step = 0; step < 300; ++step) {
      std::vector<Reading> readings;
      std::vector<Sample> samples;
      for (Series& one : series) {
        readings.push_back(one.Next());
        samples.push_back({readings.back().value, readings.back().state, 1});
      }
      std::vector<uint32_t> expected;
      for (uint32_t c = 0; c < 4; ++c) {
        const uint32_t partner = plan.partner[c];
        if (rule.Sends(c, readings[c]) || rule.Sends(partner, readings[partner])) {
          expected.push_back(c);
        }
      }
      const std::vector<uint32_t> selected = hysteresis.Select(samples);
      ASSERT_EQ(selected, expected)
          << "seed " << seed << ", step " << step << ", hysteresis " << hundredths
          << " hundredths, values " << ToText(samples[0].value) << " " << ToText(samples[3].value);
      if (random() % 4 == 0) continue;  // the outbox was full: it is due again
      hysteresis.Sent(selected, samples);
      for (const uint32_t c : selected) rule.Sent(c, readings[c]);
    }
  }
}

std::string NameOf(const testing::TestParamInfo<Kind>& info) {
  constexpr const char* kNames[] = {"Decimals", "Integers", "Unsigned",     "WholeDoubles",
                                    "Bools",    "Texts",    "ChangingKinds"};
  return kNames[static_cast<size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Kinds, HysteresisRuleTest, testing::ValuesIn(kKinds), NameOf);

}  // namespace
}  // namespace fieldgate::cloud_link
