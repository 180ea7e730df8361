#include "services/cloud_link/realtime/hysteresis.h"

#include <cstdlib>
#include <limits>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Sample Of(Value value, uint8_t state = 1) { return {std::move(value), state, 1}; }

// A section of plain channels that all have `hysteresis`.
ChannelPlan Plan(uint32_t channels, double hysteresis) {
  ChannelPlan plan;
  for (uint32_t c = 0; c < channels; ++c) plan.partner.push_back(c);
  plan.hysteresis.assign(channels, hysteresis);
  plan.sections = {{1, 0, channels}};
  return plan;
}

// True if `now` is sent when `last` was the last one sent.
bool Sends(double hysteresis, Value last, Value now) {
  const ChannelPlan plan = Plan(1, hysteresis);
  Hysteresis h(plan, plan.sections[0]);
  h.Sent({0}, {Of(std::move(last))});
  return !h.Select({Of(std::move(now))}).empty();
}

TEST(HysteresisTest, TheManualsExampleSendsAt20And21) {  // 7.2
  EXPECT_TRUE(Sends(0.5, 20.5, 20.0));
  EXPECT_TRUE(Sends(0.5, 20.5, 21.0));
  EXPECT_FALSE(Sends(0.5, 20.5, 20.51));
  EXPECT_FALSE(Sends(0.5, 20.5, 20.99));
  EXPECT_FALSE(Sends(0.5, 20.5, 20.01));
}

TEST(HysteresisTest, ADecimalDifferenceIsNotLostToItsRepresentation) {
  EXPECT_TRUE(Sends(0.1, 0.2, 0.3));
  EXPECT_TRUE(Sends(0.1, 0.3, 0.2));
  EXPECT_TRUE(Sends(0.01, 1000.01, 1000.02));
  EXPECT_FALSE(Sends(0.01, 1000.01, 1000.019));
}

TEST(HysteresisTest, IsMeasuredFromTheLastValueSentNotTheLastSeen) {
  const ChannelPlan plan = Plan(1, 1);
  Hysteresis h(plan, plan.sections[0]);
  h.Sent({0}, {Of(10.0)});
  EXPECT_THAT(h.Select({Of(10.6)}), IsEmpty());
  EXPECT_THAT(h.Select({Of(11.2)}), ElementsAre(0));
  // Not taken by the outbox: still due.
  EXPECT_THAT(h.Select({Of(11.2)}), ElementsAre(0));
  h.Sent({0}, {Of(11.2)});
  EXPECT_THAT(h.Select({Of(11.2)}), IsEmpty());
}

TEST(HysteresisTest, ZeroMeansEachChange) {
  EXPECT_TRUE(Sends(0, 1.0, std::nextafter(1.0, 2.0)));
  EXPECT_FALSE(Sends(0, 1.0, 1.0));
  EXPECT_FALSE(Sends(0, int64_t{5}, 5.0));
  EXPECT_FALSE(Sends(0, int64_t{5}, uint64_t{5}));
}

TEST(HysteresisTest, LargeIntegersAreComparedExactly) {
  const int64_t big = int64_t{1} << 53;
  EXPECT_TRUE(Sends(0, big, big + 1));
  EXPECT_TRUE(Sends(1, big, big + 1));
  EXPECT_FALSE(Sends(2, big, big + 1));
  EXPECT_TRUE(Sends(0, static_cast<double>(big), big + 1));
  EXPECT_TRUE(Sends(0, ~uint64_t{0}, ~uint64_t{0} - 1));
  EXPECT_FALSE(Sends(2, ~uint64_t{0}, ~uint64_t{0} - 1));
}

TEST(HysteresisTest, TheWholeRangeOfIntegersDoesNotOverflow) {
  const int64_t lowest = std::numeric_limits<int64_t>::min();
  EXPECT_TRUE(Sends(1, lowest, ~uint64_t{0}));
  EXPECT_TRUE(Sends(1e19, lowest, ~uint64_t{0}));
  EXPECT_FALSE(Sends(2e19, lowest, int64_t{0}));
  EXPECT_FALSE(Sends(1, lowest, lowest));
  EXPECT_FALSE(Sends(0, lowest, static_cast<double>(lowest)));
}

TEST(HysteresisTest, AFractionalHysteresisOfIntegersIsTheNextInteger) {
  EXPECT_FALSE(Sends(1.5, int64_t{10}, int64_t{11}));
  EXPECT_TRUE(Sends(1.5, int64_t{10}, int64_t{12}));
  EXPECT_TRUE(Sends(1.5, int64_t{-1}, int64_t{1}));
}

TEST(HysteresisTest, HugeEqualValuesAreNoChange) { EXPECT_FALSE(Sends(0.01, 1e20, 1e20)); }

TEST(HysteresisTest, WhatIsNoNumberIsSentOnEveryChange) {
  EXPECT_TRUE(Sends(5, std::string("open"), std::string("shut")));
  EXPECT_FALSE(Sends(5, std::string("open"), std::string("open")));
  EXPECT_TRUE(Sends(5, false, true));
  EXPECT_FALSE(Sends(5, true, true));
  EXPECT_TRUE(Sends(5, 1.0, std::string("1")));
  EXPECT_TRUE(Sends(5, std::string("1"), int64_t{1}));
  EXPECT_TRUE(Sends(5, Value(), 1.0));
  EXPECT_TRUE(Sends(5, int64_t{1}, Value()));
  EXPECT_TRUE(Sends(5, 1.0, std::nan("")));
  EXPECT_FALSE(Sends(5, std::nan(""), std::nan("")));
}

TEST(HysteresisTest, AChangeOfStateIsSent) {
  const ChannelPlan plan = Plan(1, 100);
  Hysteresis h(plan, plan.sections[0]);
  h.Sent({0}, {Of(1.0, 1)});
  EXPECT_THAT(h.Select({Of(1.0, 0)}), ElementsAre(0));
}

TEST(HysteresisTest, TheFirstCallSendsAllAlsoWhatHasNoValue) {
  const ChannelPlan plan = Plan(3, 1);
  Hysteresis h(plan, plan.sections[0]);
  EXPECT_THAT(h.Select({Of(1.0), Sample(), Of(2.0)}), ElementsAre(0, 1, 2));
}

TEST(HysteresisTest, LaterANeverSampledChannelWaitsForItsValueOrItsDevicesFailure) {
  const ChannelPlan plan = Plan(2, 1);
  Hysteresis h(plan, plan.sections[0]);
  h.Sent({0}, {Of(1.0), Sample()});
  EXPECT_THAT(h.Select({Of(1.0), Sample()}), IsEmpty());
  EXPECT_THAT(h.Select({Of(1.0), Of(0.1)}), ElementsAre(1));
  EXPECT_THAT(h.Select({Of(1.0), Sample{Value(), 0, 5}}), ElementsAre(1));
}

TEST(HysteresisTest, AGpsValueBringsItsPartner) {
  ChannelPlan plan = Plan(4, 1);
  plan.partner = {0, 2, 1, 3};
  Hysteresis h(plan, plan.sections[0]);
  std::vector<Sample> samples = {Of(1.0), Of(52.1), Of(13.2), Of(4.0)};
  h.Sent({0, 1, 2, 3}, samples);
  samples[2] = Of(20.0);
  EXPECT_THAT(h.Select(samples), ElementsAre(1, 2));
  EXPECT_THAT(h.Select(samples, 2, 1), ElementsAre(1, 2));
  EXPECT_THAT(h.Select(samples, 1, 1), ElementsAre(1, 2));
  EXPECT_THAT(h.Select(samples, 3, 1), IsEmpty());
}

TEST(HysteresisTest, LooksOnlyAtItsSectionAndTheRangeGiven) {
  ChannelPlan plan = Plan(6, 1);
  plan.sections = {{1, 0, 2}, {2, 2, 3}, {3, 5, 1}};
  Hysteresis h(plan, plan.sections[1]);
  const std::vector<Sample> samples(6, Of(1.0));
  EXPECT_THAT(h.Select(samples), ElementsAre(2, 3, 4));
  EXPECT_THAT(h.Select(samples, 0, 3), ElementsAre(2));
  EXPECT_THAT(h.Select(samples, 4, 2), ElementsAre(4));
  EXPECT_THAT(h.Select(samples, 0, 2), IsEmpty());
}

// Values in hundredths, so that the plain rule can be computed exactly.
TEST(HysteresisTest, SendsNeitherMoreNorLessThanTheRule) {
  std::minstd_rand random(42);
  for (int round = 0; round < 300; ++round) {
    const int64_t hysteresis = random() % 4 == 0 ? 0 : random() % 500;
    const int64_t scale = random() % 2 == 0 ? 1 : 1000;
    const ChannelPlan plan = Plan(1, static_cast<double>(hysteresis) / 100);
    Hysteresis h(plan, plan.sections[0]);
    int64_t value = static_cast<int64_t>(random() % 100'000) * scale - 30'000;
    int64_t last = 0;
    bool first = true;
    for (int step = 0; step < 200; ++step) {
      value += static_cast<int64_t>(random() % 401) - 200;
      const int64_t difference = std::llabs(value - last);
      const bool expected = first || (hysteresis == 0 ? difference != 0 : difference >= hysteresis);
      const std::vector<Sample> samples = {Of(static_cast<double>(value) / 100)};
      const std::vector<uint32_t> selected = h.Select(samples);
      ASSERT_EQ(!selected.empty(), expected)
          << value << " after " << last << " with hysteresis " << hysteresis;
      if (!expected) continue;
      h.Sent(selected, samples);
      last = value;
      first = false;
    }
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
