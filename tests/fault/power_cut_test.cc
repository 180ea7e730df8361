#include "common/log/log.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fault/power_cuts.h"
#include "tests/fault/writer.h"

namespace fieldgate::fault {
namespace {

using testing::IsEmpty;
using testing::Not;

class PowerCutTest : public testing::TestWithParam<std::string> {
 protected:
  // Without what the services say of each start.
  static void SetUpTestSuite() {
    log::Configure("power_cut_test", log::Format::kText, log::Level::kError);
  }
};

TEST_P(PowerCutTest, LosesNothingThatWasAcknowledged) {
  const PowerCutTotals totals = CutPower({.seed = 1, .images = 240, .writer = GetParam()});
  EXPECT_THAT(totals.failures, IsEmpty());
  EXPECT_EQ(totals.lost, 0);
  EXPECT_EQ(totals.corrupt, 0);
  EXPECT_GT(totals.acknowledged, 0);
  EXPECT_GT(totals.while_opening, 0);
  EXPECT_GT(totals.in_flight_done, 0) << "what is under way may be done";
  EXPECT_GT(totals.in_flight_absent, 0);
}

TEST_P(PowerCutTest, OnADiskThatLiesAboutSyncsSomethingIsLost) {
  const PowerCutTotals totals =
      CutPower({.seed = 1, .images = 240, .writer = GetParam(), .lying_disk = true});
  EXPECT_THAT(totals.failures, Not(IsEmpty()));
  EXPECT_GT(totals.lost, 0);
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const WriterKind& kind : WriterKinds()) names.push_back(kind.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Writers, PowerCutTest, testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace fieldgate::fault
