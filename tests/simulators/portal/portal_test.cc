#include "tests/simulators/portal/portal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/simulators/portal/live_view.h"

namespace fieldgate::portal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

std::string Rollout(int n) {
  return absl::StrCat(R"({"request_id": "01234567_)", n,
                      R"(", "prod_name": "WT640", "serial_number": "01234567"})");
}

constexpr absl::string_view kInit = R"({"request_id": "i1", "controllers": [
    {"external_controller_id": "Process_PV", "name": "Process_PV", "sensors": [
      {"external_sensor_id": "Level", "name": "Tank", "type": "volume", "unit": "l"}]}]})";
constexpr absl::string_view kData = R"({"message_id": 1, "timestamp": 1699999999, "controllers": [
    {"external_controller_id": "Process_PV", "sensors": [
      {"external_sensor_id": "Level", "value": 23.5, "sensor_state": 2}]}]})";
constexpr char kInitTopic[] = "customer-1/fp/gw-01234567/gatewayInit";
constexpr char kDataTopic[] = "customer-1/fp/gw-01234567/data";

Portal::Reaction AskRollout(Portal& portal, int n = 1) {
  return portal.OnMessage("fp/gatewayRollout", Rollout(n), kNow);
}

TEST(PortalTest, AnswersARolloutOnTheGatewaysOwnTopic) {
  Portal portal({});
  const Portal::Reaction reaction = AskRollout(portal);
  ASSERT_THAT(reaction.replies, SizeIs(1));
  EXPECT_EQ(reaction.replies[0].topic, "fp/gatewayRolloutResult/01234567");
  EXPECT_THAT(reaction.replies[0].body, HasSubstr("\"response_id\": \"01234567_1\""));
  EXPECT_THAT(reaction.replies[0].body, HasSubstr("\"gateway_id\": \"gw-01234567\""));
  EXPECT_EQ(reaction.replies[0].delay, absl::ZeroDuration());
  EXPECT_THAT(reaction.steps, ElementsAre(HasSubstr("rollout request 01234567_1")));
}

TEST(PortalTest, AnswersInTheFormatOfTheRequest) {
  Portal portal({});
  const Portal::Reaction reaction = portal.OnMessage(
      "fp/gatewayRollout",
      R"({<request_id _="01234567_1"/><prod_name _="WT640"/><serial_number _="01234567"/>})", kNow);
  ASSERT_THAT(reaction.replies, SizeIs(1));
  EXPECT_THAT(reaction.replies[0].body, HasSubstr("<error_code _=\"0\""));
}

TEST(PortalTest, ARolloutIdThatDoesNotGrowIsAnError) {
  Portal portal({});
  AskRollout(portal, 2);
  AskRollout(portal, 2);
  EXPECT_THAT(portal.Snapshot().errors, ElementsAre(HasSubstr("01234567_2")));
}

TEST(PortalTest, AnswersTheFirstRequestsWronglyAndThenRightly) {
  for (const auto& [kind, expected] : {std::pair(Fault::Kind::kErrorCode, "\"error_code\": 404"),
                                       std::pair(Fault::Kind::kWrongResponseId, "not-your-request"),
                                       std::pair(Fault::Kind::kGarbage, "this is no body")}) {
    Portal portal({.rollout_fault = {.first = 1, .kind = kind}});
    const Portal::Reaction wrong = AskRollout(portal, 1);
    ASSERT_THAT(wrong.replies, SizeIs(1));
    EXPECT_THAT(wrong.replies[0].body, HasSubstr(expected));
    const Portal::Reaction right = AskRollout(portal, 2);
    ASSERT_THAT(right.replies, SizeIs(1));
    EXPECT_THAT(right.replies[0].body, HasSubstr("\"response_id\": \"01234567_2\""));
  }
}

TEST(PortalTest, BehavesAsToldFromTheNextRequestOn) {
  Portal portal({});
  portal.SetPolicy({.rollout_fault = {.first = 100, .kind = Fault::Kind::kNever}});
  EXPECT_THAT(AskRollout(portal, 1).replies, IsEmpty());
  portal.SetPolicy({.gateway_id = "other"});
  EXPECT_THAT(AskRollout(portal, 2).replies[0].body, HasSubstr("\"other\""));
  EXPECT_EQ(portal.Snapshot().rollout_requests, 2);
}

TEST(PortalTest, LeavesOutAField) {
  Portal portal({.rollout_fault = {.first = 1, .kind = Fault::Kind::kMissingField},
                 .init_fault = {.first = 1, .kind = Fault::Kind::kMissingField}});
  EXPECT_THAT(AskRollout(portal).replies[0].body, Not(HasSubstr("gateway_id")));
  EXPECT_THAT(portal.OnMessage(kInitTopic, kInit, kNow).replies[0].body,
              Not(HasSubstr("response_id")));
}

TEST(PortalTest, AnswersLateOrNever) {
  Portal late(
      {.rollout_fault = {.first = 1, .kind = Fault::Kind::kLate, .delay = absl::Seconds(7)}});
  EXPECT_EQ(AskRollout(late).replies[0].delay, absl::Seconds(7));
  Portal never({.rollout_fault = {.first = 1, .kind = Fault::Kind::kNever}});
  EXPECT_THAT(AskRollout(never).replies, IsEmpty());
}

TEST(PortalTest, AnInitIsAnsweredAndAnnouncesTheSensors) {
  Portal portal({});
  const Portal::Reaction reaction = portal.OnMessage(kInitTopic, kInit, kNow);
  ASSERT_THAT(reaction.replies, SizeIs(1));
  EXPECT_EQ(reaction.replies[0].topic, "customer-1/fp/gw-01234567/gatewayInitResult");
  EXPECT_THAT(reaction.replies[0].body, HasSubstr("\"portal_version\": \"1.0.0\""));
  EXPECT_THAT(portal.OnMessage(kDataTopic, kData, kNow).steps,
              ElementsAre(HasSubstr("first data")));
  EXPECT_THAT(WhyNotPassed(portal.Snapshot(), 1), IsEmpty());
}

TEST(PortalTest, StreamsOfTwoGatewaysAreCheckedApart) {
  Portal portal({});
  for (const char* gateway : {"a", "b"}) {
    portal.OnMessage(absl::StrCat("c/fp/", gateway, "/gatewayInit"), kInit, kNow);
    portal.OnMessage(absl::StrCat("c/fp/", gateway, "/data"), kData, kNow);
  }
  const PortalStats stats = portal.Snapshot();
  ASSERT_NE(stats.Stream("c/a"), nullptr);
  EXPECT_EQ(stats.Stream("c/b")->messages, 1);
  EXPECT_THAT(WhyNotPassed(stats, 1), IsEmpty());
}

TEST(PortalTest, KeepsResultsOfCommands) {
  Portal portal({});
  portal.OnMessage("c/fp/a/cmdResult", R"({"error_code": 0, "response_id": "r1"})", kNow);
  const PortalStats stats = portal.Snapshot();
  ASSERT_THAT(stats.results, SizeIs(1));
  EXPECT_EQ(stats.results[0].gateway, "c/a");
  EXPECT_EQ(stats.results[0].response_id, "r1");
}

TEST(LiveViewTest, NoGatewayIsNotPassed) {
  EXPECT_THAT(WhyNotPassed({}, 1), ElementsAre("no gateway came"));
}

TEST(LiveViewTest, TheTableShowsEachSensorAndFitsTheScreen) {
  Portal portal({});
  portal.OnMessage(kInitTopic, kInit, kNow);
  portal.OnMessage(kDataTopic, kData, kNow);
  EXPECT_THAT(Table(portal.Snapshot(), 10, 100), HasSubstr("23.5 l"));
  EXPECT_THAT(Table(portal.Snapshot(), 2, 100), HasSubstr("... 2 more lines"));
  EXPECT_THAT(Table(portal.Snapshot(), 10, 10), Not(HasSubstr("23.5")));
}

TEST(LiveViewTest, TheSummaryListsEveryReason) {
  Portal portal({});
  portal.OnMessage(kInitTopic, kInit, kNow);
  const PortalStats stats = portal.Snapshot();
  EXPECT_THAT(FinalSummary(stats, WhyNotPassed(stats, 1)),
              HasSubstr("not passed: customer-1/gw-01234567: Process_PV/Level never came"));
}

}  // namespace
}  // namespace fieldgate::portal
