#include "services/cloud_link/payload/channels.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::Connector;
using config_store::v1::DataPoint;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ChannelPlanTest, NumbersThePathsOfAllSectionsInConfigurationOrder) {
  Connector connector;
  auto* one = connector.add_sections();
  one->set_number(1);
  auto* a = one->add_points();
  a->set_path("/Process/Bus1/D1/A");
  a->set_origin(DataPoint::BUS);
  a->set_hysteresis(0.5);
  auto* gps = one->add_points();
  gps->set_path("/GNSS/Latitude");
  gps->set_second_path("/GNSS/Longitude");
  auto* three = connector.add_sections();
  three->set_number(3);
  three->add_points()->set_path("/Process/PV/B");

  const ChannelPlan plan = ChannelPlan::Of(connector);

  EXPECT_THAT(plan.paths, ElementsAre("/Process/Bus1/D1/A", "/GNSS/Latitude", "/GNSS/Longitude",
                                      "/Process/PV/B"));
  EXPECT_THAT(plan.partner, ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(plan.hysteresis, ElementsAre(0.5, 0, 0, 0));
  EXPECT_THAT(plan.origins,
              ElementsAre(DataPoint::BUS, DataPoint::OTHER, DataPoint::OTHER, DataPoint::UNKNOWN));
  ASSERT_EQ(plan.sections.size(), 2);
  EXPECT_EQ(plan.sections[0].number, 1);
  EXPECT_EQ(plan.sections[0].first, 0);
  EXPECT_EQ(plan.sections[0].count, 3);
  EXPECT_EQ(plan.sections[1].number, 3);
  EXPECT_EQ(plan.sections[1].first, 3);
  EXPECT_EQ(plan.sections[1].count, 1);
}

TEST(ChannelPlanTest, ChannelsOfLogSectionsFollowThoseOfTheStream) {
  Connector connector;
  auto* log = connector.add_log_sections();
  log->set_number(2);
  log->add_points()->set_path("/Process/PV/A");
  auto* gps = log->add_points();
  gps->set_path("/GNSS/Latitude");
  gps->set_second_path("/GNSS/Longitude");
  connector.add_log_sections()->add_points()->set_path("/Process/PV/C");
  auto* realtime = connector.add_sections();
  realtime->add_points()->set_path("/Process/PV/A");
  realtime->add_points()->set_path("/Process/PV/B");

  const ChannelPlan plan = ChannelPlan::Of(connector);

  EXPECT_THAT(plan.paths, ElementsAre("/Process/PV/A", "/Process/PV/B"));
  EXPECT_EQ(plan.origins.size(), 2);
  EXPECT_EQ(plan.hysteresis.size(), 2);
  EXPECT_THAT(plan.log_paths,
              ElementsAre("/Process/PV/A", "/GNSS/Latitude", "/GNSS/Longitude", "/Process/PV/C"));
  EXPECT_THAT(plan.partner, ElementsAre(0, 1, 2, 4, 3, 5));
  ASSERT_EQ(plan.log_sections.size(), 2);
  EXPECT_EQ(plan.log_sections[0].number, 2);
  EXPECT_EQ(plan.log_sections[0].first, 2);
  EXPECT_EQ(plan.log_sections[0].count, 3);
  EXPECT_EQ(plan.log_sections[1].first, 5);
  EXPECT_EQ(plan.log_sections[1].count, 1);
}

TEST(ChannelPlanTest, WithoutSectionsThereIsNothing) {
  EXPECT_THAT(ChannelPlan::Of(Connector()).paths, IsEmpty());
}

}  // namespace
}  // namespace fieldgate::cloud_link
