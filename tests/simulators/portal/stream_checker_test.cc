#include "tests/simulators/portal/stream_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace fieldgate::portal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

std::string Body(int64_t id, absl::string_view sensor = "Level", absl::string_view value = "1",
                 int state = 2) {
  return absl::StrCat(R"({"message_id": )", id, R"(, "timestamp": 1699999998, "controllers": [
      {"external_controller_id": "Process_PV", "sensors": [{"external_sensor_id": ")",
                      sensor, R"(", "value": )", value, R"(, "sensor_state": )", state, "}]}]}");
}

class StreamCheckerTest : public testing::Test {
 protected:
  StreamCheckerTest() { checker_.Announce({{"Process_PV", "Level", "Tank", "volume", "l"}}); }

  std::vector<Finding::Kind> Take(const std::string& body) {
    std::vector<Finding::Kind> kinds;
    for (const Finding& finding : checker_.OnData(body, kNow)) kinds.push_back(finding.kind);
    return kinds;
  }
  const StreamStats& stats() { return checker_.stats(); }

  StreamChecker checker_{"customer-1/gw-1"};
};

TEST_F(StreamCheckerTest, AStreamWithoutGapIsComplete) {
  for (int64_t id = 5; id <= 9; ++id) EXPECT_THAT(Take(Body(id)), IsEmpty());
  EXPECT_EQ(stats().first_id, 5);
  EXPECT_EQ(stats().last_id, 9);
  EXPECT_EQ(stats().messages, 5);
  EXPECT_THAT(WhyIncomplete(stats(), 5), IsEmpty());
}

TEST_F(StreamCheckerTest, TooFewMessagesAreIncomplete) {
  Take(Body(1));
  EXPECT_THAT(WhyIncomplete(stats(), 2), ElementsAre("only 1 of at least 2 messages"));
}

TEST_F(StreamCheckerTest, AGapIsFoundAndCountedById) {
  Take(Body(1));
  EXPECT_THAT(Take(Body(5)), ElementsAre(Finding::Kind::kGap));
  EXPECT_EQ(stats().missing, 3);
  EXPECT_THAT(stats().errors, ElementsAre("message_id 2..4 missing before 5"));
  EXPECT_THAT(WhyIncomplete(stats(), 1), ElementsAre("3 message ids missing"));
}

TEST_F(StreamCheckerTest, ALateMessageFillsItsGapButIsOutOfOrder) {
  Take(Body(1));
  Take(Body(5));
  EXPECT_THAT(Take(Body(3)), ElementsAre(Finding::Kind::kOutOfOrder));
  EXPECT_EQ(stats().missing, 2);
  EXPECT_EQ(stats().out_of_order, 1);
  Take(Body(2));
  Take(Body(4));
  EXPECT_EQ(stats().missing, 0);
  EXPECT_THAT(WhyIncomplete(stats(), 1), ElementsAre("3 messages out of order"));
}

TEST_F(StreamCheckerTest, AnIdBelowTheFirstIsOutOfOrder) {
  Take(Body(5));
  EXPECT_THAT(Take(Body(4)), ElementsAre(Finding::Kind::kOutOfOrder));
  EXPECT_EQ(stats().missing, 0);
}

TEST_F(StreamCheckerTest, TheSameMessageAgainIsARedeliveryAndNoError) {
  Take(Body(1));
  Take(Body(2));
  EXPECT_THAT(Take(Body(1)), ElementsAre(Finding::Kind::kRedelivery));
  EXPECT_EQ(stats().redeliveries, 1);
  EXPECT_EQ(stats().messages, 2);
  EXPECT_THAT(WhyIncomplete(stats(), 2), IsEmpty());
}

TEST_F(StreamCheckerTest, TheSameIdWithOtherContentIsAConflict) {
  Take(Body(1, "Level", "1"));
  EXPECT_THAT(Take(Body(1, "Level", "2")), ElementsAre(Finding::Kind::kConflict));
  EXPECT_THAT(WhyIncomplete(stats(), 1), ElementsAre("1 message ids with two contents"));
}

TEST_F(StreamCheckerTest, ASensorThatWasNotAnnouncedIsFound) {
  EXPECT_THAT(Take(Body(1, "Other")), ElementsAre(Finding::Kind::kUnknownSensor));
  EXPECT_THAT(stats().errors, ElementsAre(HasSubstr("Process_PV/Other")));
}

TEST_F(StreamCheckerTest, AnAnnouncedSensorMustComeWithAValidState) {
  EXPECT_THAT(WhyIncomplete(stats(), 0), ElementsAre("Process_PV/Level never came"));
  Take(Body(1, "Level", "1", 0));
  EXPECT_THAT(WhyIncomplete(stats(), 1), ElementsAre("Process_PV/Level was never valid"));
  Take(Body(2, "Level", "1", 1));
  EXPECT_THAT(WhyIncomplete(stats(), 1), IsEmpty());
}

TEST_F(StreamCheckerTest, AnUnreadableBodyIsFound) {
  EXPECT_THAT(Take("{ garbage"), ElementsAre(Finding::Kind::kUnreadable));
  EXPECT_EQ(stats().unreadable, 1);
}

TEST_F(StreamCheckerTest, TheAgeIsNowMinusTheTimestamp) {
  Take(Body(1));
  EXPECT_EQ(stats().newest_age, absl::Seconds(2));
  EXPECT_EQ(stats().highest_age, absl::Seconds(2));
}

TEST_F(StreamCheckerTest, AnotherInitKeepsWhatIsKnownOfASensor) {
  Take(Body(1));
  checker_.Announce(
      {{"Process_PV", "New", "New", "custom", ""}, {"Process_PV", "Level", "Tank", "volume", "l"}});
  EXPECT_EQ(stats().inits, 2);
  EXPECT_EQ(stats().Find("Process_PV", "Level")->received, 1);
  EXPECT_EQ(stats().Find("Process_PV", "New")->received, 0);
}

TEST_F(StreamCheckerTest, ASensorAnnouncedTwiceIsAnError) {
  checker_.Announce({{"C", "S", "A", "custom", ""}, {"C", "S", "B", "custom", ""}});
  EXPECT_THAT(stats().errors, ElementsAre(HasSubstr("C/S twice")));
}

TEST_F(StreamCheckerTest, TheSecondSensorOfAGpsPointIsKnown) {
  checker_.Announce({{"GNSS", "Latitude", "GNSS", "gps", ""}});
  EXPECT_THAT(Take(R"({<message_id _="1"/><timestamp _="1"/><controllers><GNSS><sensors>
      <Longitude _="5229.4" state="2"/><Latitude _="01323.6" state="2"/>
      </sensors></GNSS></controllers>})"),
              IsEmpty());
  EXPECT_EQ(stats().Find("GNSS", "Longitude")->value, "5229.4");
}

}  // namespace
}  // namespace fieldgate::portal
