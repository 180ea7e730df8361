#include "tests/fault/kill_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace fieldgate::fault {
namespace {

TEST(KillPlanTest, ASeedAlwaysGivesTheSameKills) {
  KillPlan a(7), b(7), other(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::string kill = a.Next().ToString();
    EXPECT_EQ(b.Next().ToString(), kill);
    differs |= other.Next().ToString() != kill;
  }
  EXPECT_TRUE(differs);
}

TEST(KillPlanTest, EachVictimDiesAtEachMoment) {
  std::set<std::pair<Victim, Moment>> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    KillPlan plan(seed);
    for (int i = 0; i < 100; ++i) {
      const Kill kill = plan.Next();
      seen.insert({kill.victim, kill.moment});
      EXPECT_TRUE(kill.victim != Victim::kSupervisor || plan.options().supervised);
      EXPECT_TRUE(kill.victim != Victim::kBroker || plan.options().broker_dies);
    }
  }
  EXPECT_EQ(seen.size(), 6u * 7u);
}

}  // namespace
}  // namespace fieldgate::fault
