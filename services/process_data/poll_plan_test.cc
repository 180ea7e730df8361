#include "services/process_data/poll_plan.h"

#include <gmock/gmock.h>

#include <set>

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

PointRange Holding(uint16_t offset, uint16_t count = 1) {
  return {{RegisterTable::kHolding, offset}, count};
}
PointRange Coil(uint16_t offset) { return {{RegisterTable::kCoil, offset}, 1}; }

std::vector<PointRange> Contiguous(uint16_t count, PointRange (*make)(uint16_t)) {
  std::vector<PointRange> points;
  for (uint16_t i = 0; i < count; ++i) points.push_back(make(i));
  return points;
}
PointRange OneHolding(uint16_t offset) { return Holding(offset); }

// "first+count" of each block.
std::vector<std::string> Blocks(const PollPlan& plan) {
  std::vector<std::string> blocks;
  for (const PollPlan::Block& block : plan.blocks) {
    blocks.push_back(std::to_string(block.first.offset) + "+" + std::to_string(block.count));
  }
  return blocks;
}

TEST(PollPlanTest, NeighboursAreOneRequest) {
  const std::vector<PointRange> points = {Holding(11), Holding(10), Holding(12, 2)};
  const PollPlan plan = PlanPoll(points, {});
  ASSERT_THAT(Blocks(plan), ElementsAre("10+4"));
  EXPECT_EQ(plan.blocks[0].items[0].point, 1u);
  EXPECT_EQ(plan.blocks[0].items[0].word, 0u);
  EXPECT_EQ(plan.blocks[0].items[1].point, 0u);
  EXPECT_EQ(plan.blocks[0].items[1].word, 1u);
  EXPECT_EQ(plan.blocks[0].items[2].word, 2u);
}

TEST(PollPlanTest, ExactlyTheMostRegistersFitOneRequest) {
  EXPECT_THAT(Blocks(PlanPoll(Contiguous(125, OneHolding), {})), ElementsAre("0+125"));
  EXPECT_THAT(Blocks(PlanPoll(Contiguous(126, OneHolding), {})), ElementsAre("0+125", "125+1"));
}

TEST(PollPlanTest, AThousandRegistersAreEightRequests) {
  EXPECT_THAT(PlanPoll(Contiguous(1000, OneHolding), {}).blocks, SizeIs(8));
}

TEST(PollPlanTest, ADevicesOwnLimitIsKept) {
  EXPECT_THAT(Blocks(PlanPoll(Contiguous(25, OneHolding), {.max_registers = 10})),
              ElementsAre("0+10", "10+10", "20+5"));
}

TEST(PollPlanTest, NoLimitGoesBeyondTheProtocol) {
  EXPECT_THAT(Blocks(PlanPoll(Contiguous(126, OneHolding), {.max_registers = 1000})),
              ElementsAre("0+125", "125+1"));
}

TEST(PollPlanTest, ExactlyTwoThousandBitsFitOneRequest) {
  EXPECT_THAT(Blocks(PlanPoll(Contiguous(2001, Coil), {})), ElementsAre("0+2000", "2000+1"));
}

TEST(PollPlanTest, BitsHaveSixteenTimesTheLimit) {
  EXPECT_THAT(Blocks(PlanPoll(Contiguous(33, Coil), {.max_registers = 2})),
              ElementsAre("0+32", "32+1"));
}

TEST(PollPlanTest, AHoleIsReadAlongUpToItsLimit) {
  const PollLimits limits = {.max_hole = 3};
  EXPECT_THAT(Blocks(PlanPoll({{Holding(0), Holding(4)}}, limits)), ElementsAre("0+5"));
  EXPECT_THAT(Blocks(PlanPoll({{Holding(0), Holding(5)}}, limits)), ElementsAre("0+1", "5+1"));
}

TEST(PollPlanTest, AHoleOfBitsIsSixteenTimesAsLong) {
  const PollLimits limits = {.max_hole = 1};
  EXPECT_THAT(Blocks(PlanPoll({{Coil(0), Coil(17)}}, limits)), ElementsAre("0+18"));
  EXPECT_THAT(Blocks(PlanPoll({{Coil(0), Coil(18)}}, limits)), ElementsAre("0+1", "18+1"));
}

TEST(PollPlanTest, WithoutHolesOnlyNeighboursShareARequest) {
  const PollLimits limits = {.max_hole = 0};
  EXPECT_THAT(Blocks(PlanPoll({{Holding(0), Holding(1), Holding(3)}}, limits)),
              ElementsAre("0+2", "3+1"));
}

TEST(PollPlanTest, APointIsNeverSplit) {
  EXPECT_THAT(Blocks(PlanPoll({{Holding(0, 124), Holding(124, 2)}}, {})),
              ElementsAre("0+124", "124+2"));
}

TEST(PollPlanTest, APointLongerThanTheLimitHasARequestOfItsOwn) {
  EXPECT_THAT(Blocks(PlanPoll({{Holding(0), Holding(1, 20), Holding(21)}}, {.max_registers = 10})),
              ElementsAre("0+1", "1+20", "21+1"));
}

TEST(PollPlanTest, PointsMayOverlap) {
  const std::vector<PointRange> points = {Holding(10, 4), Holding(11), Holding(12, 2), Holding(10)};
  const PollPlan plan = PlanPoll(points, {});
  ASSERT_THAT(Blocks(plan), ElementsAre("10+4"));
  EXPECT_THAT(plan.blocks[0].items, SizeIs(4));
}

TEST(PollPlanTest, EachTableHasRequestsOfItsOwn) {
  const std::vector<PointRange> points = {
      Coil(0), Holding(0), {{RegisterTable::kInput, 1}, 1}, {{RegisterTable::kDiscrete, 1}, 1}};
  EXPECT_THAT(PlanPoll(points, {}).blocks, SizeIs(4));
}

TEST(PollPlanTest, APointWithoutRegistersIsNotRead) {
  EXPECT_THAT(PlanPoll({{PointRange()}}, {}).blocks, IsEmpty());
}

TEST(PollPlanTest, TheEndOfTheTableIsNoWrapAround) {
  EXPECT_THAT(Blocks(PlanPoll({{Holding(65535), Holding(0), Holding(65530)}}, {})),
              ElementsAre("0+1", "65530+6"));
}

// Whatever the points are: each is in exactly one block, which contains it and
// keeps the limits.
TEST(PollPlanTest, EveryPlanReadsEveryPointWithinTheLimits) {
  uint32_t random = 1;
  const auto next = [&random](uint32_t below) {
    random = random * 1664525 + 1013904223;
    return (random >> 8) % below;
  };
  for (int round = 0; round < 500; ++round) {
    const PollLimits limits = {.max_registers = 1 + next(125), .max_hole = next(125)};
    std::vector<PointRange> points;
    for (uint32_t i = 0; i < next(200); ++i) {
      const auto table = static_cast<RegisterTable>(next(4));
      const auto count = static_cast<uint16_t>(IsBitTable(table) ? 1 : 1 + next(4));
      points.push_back({{table, static_cast<uint16_t>(next(3000))}, count});
    }
    std::multiset<uint32_t> seen;
    for (const PollPlan::Block& block : PlanPoll(points, limits).blocks) {
      const uint32_t most = IsBitTable(block.first.table)
                                ? std::min(limits.max_registers * 16, 2000u)
                                : std::max(limits.max_registers, 4u);
      ASSERT_LE(block.count, most);
      for (const PollPlan::Item& item : block.items) {
        const PointRange& point = points[item.point];
        ASSERT_EQ(point.first.table, block.first.table);
        ASSERT_EQ(point.first.offset, block.first.offset + item.word);
        ASSERT_LE(item.word + point.count, block.count);
        seen.insert(item.point);
      }
    }
    ASSERT_EQ(seen.size(), points.size());
    ASSERT_EQ(std::set<uint32_t>(seen.begin(), seen.end()).size(), points.size());
  }
}

}  // namespace
}  // namespace fieldgate::process_data
