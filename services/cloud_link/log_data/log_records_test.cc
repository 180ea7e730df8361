#include "services/cloud_link/log_data/log_records.h"

#include <gmock/gmock.h>

#include "gtest/gtest.h"
#include "services/cloud_link/log_data/test_log.h"
#include "services/cloud_link/payload/data_layout.h"
#include "services/cloud_link/payload/test_connector.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::JSON;
using config_store::v1::TIXML;
using process_data::v1::ReadLogRequest;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using What = LogStep::What;

// A connector that sends a realtime point and, as section 1, a log of A and B.
Connector WithLog() {
  Connector connector = ConnectorWith(JSON);
  AddPoint(connector, "Live", "/C/Live");
  auto& log = *connector.add_log_sections();
  log.set_number(1);
  log.set_log("Energy");
  AddPointTo(log, "A", "/C/A");
  AddPointTo(log, "B", "/C/B");
  return connector;
}

std::vector<LogStep> Steps(const Connector& connector, const LogAnswer& answer,
                           std::optional<int64_t> position) {
  return LogRecords(ChannelPlan::Of(connector), 0).Steps(answer, position);
}

// What a connector that is at `position` gets of `log`.
LogAnswer Ask(const TestLog& log, std::optional<int64_t> position) {
  ReadLogRequest request;
  request.set_after_id(position.value_or(0));
  LogAnswer answer;
  answer.read = *log.Read(request);
  answer.extent = log.Extent();
  return answer;
}

// The sensors of the step's message.
std::string Sensors(const Connector& connector, const LogStep& step) {
  std::string body;
  const absl::StatusOr<DataLayout> layout = DataLayout::Create(connector);
  EXPECT_TRUE(layout.ok()) << layout.status();
  EXPECT_TRUE(layout->AppendBody(step.columns, 1, 1, body).ok());
  const bool json = connector.format() == JSON;
  const std::string begin = json ? "\"sensors\":[" : "<sensors>";
  const size_t from = body.find(begin) + begin.size();
  return body.substr(from, body.find(json ? "]}]}" : "</sensors>", from) - from);
}

std::vector<int64_t> Ids(const std::vector<LogStep>& steps) {
  std::vector<int64_t> ids;
  for (const LogStep& step : steps) ids.push_back(step.id);
  return ids;
}

TEST(LogRecordsTest, EachRecordIsOneMessageWithItsTimeAndValues) {
  const Connector connector = WithLog();
  TestLog log({"/C/A", "/C/B"});
  log.Record(1'700'000'000'250'000, {1.5, std::string("on")});
  log.Record(1'700'000'060'000'000, {int64_t{2}, Value()});
  const std::vector<LogStep> steps = Steps(connector, Ask(log, std::nullopt), std::nullopt);
  ASSERT_THAT(Ids(steps), ElementsAre(1, 2));
  EXPECT_EQ(steps[0].what, What::kSend);
  EXPECT_EQ(absl::ToUnixMicros(steps[0].recorded_at), 1'700'000'000'250'000);
  EXPECT_EQ(Sensors(connector, steps[0]),
            R"({"external_sensor_id":"A","value":1.5,"sensor_state":1},)"
            R"({"external_sensor_id":"B","value":"on","sensor_state":1})");
  EXPECT_EQ(Sensors(connector, steps[1]),
            R"({"external_sensor_id":"A","value":2,"sensor_state":1},)"
            R"({"external_sensor_id":"B","value":"","sensor_state":1})");
}

TEST(LogRecordsTest, StatesAreThoseOfTheRecord) {
  const Connector connector = WithLog();
  TestLog log({"/C/A", "/C/B"});
  log.Record(1, {1.5, 2.5});
  LogAnswer answer = Ask(log, std::nullopt);
  answer.read.mutable_records(0)->set_states(std::string("\0\2", 2));
  EXPECT_EQ(Sensors(connector, Steps(connector, answer, std::nullopt).at(0)),
            R"({"external_sensor_id":"A","value":1.5,"sensor_state":0},)"
            R"({"external_sensor_id":"B","value":2.5,"sensor_state":2})");
}

TEST(LogRecordsTest, ColumnsAreFoundByTheirPathInRecordsOfEachDefinition) {
  const Connector connector = WithLog();
  TestLog log({"/C/Gone", "/C/B"});
  log.Record(1, {1.5, 2.5});
  log.SetPaths({"C/B/", "/C/A"});
  log.Record(2, {3.5, 4.5});
  const std::vector<LogStep> steps = Steps(connector, Ask(log, std::nullopt), std::nullopt);
  ASSERT_THAT(steps, SizeIs(2));
  EXPECT_EQ(Sensors(connector, steps[0]),
            R"({"external_sensor_id":"B","value":2.5,"sensor_state":1})");
  EXPECT_EQ(Sensors(connector, steps[1]),
            R"({"external_sensor_id":"A","value":4.5,"sensor_state":1},)"
            R"({"external_sensor_id":"B","value":3.5,"sensor_state":1})");
}

TEST(LogRecordsTest, ARecordWithoutAConfiguredPathIsSkipped) {
  TestLog log({"/C/Gone", "/C/Live"});
  log.Record(1, {1.5, 2.5});
  log.SetPaths({});
  log.Record(2, {});
  const std::vector<LogStep> steps = Steps(WithLog(), Ask(log, std::nullopt), std::nullopt);
  ASSERT_THAT(Ids(steps), ElementsAre(1, 2));
  EXPECT_EQ(steps[0].what, What::kSkip);
  EXPECT_EQ(steps[1].what, What::kSkip);
}

TEST(LogRecordsTest, AGpsPointNeedsBothValues) {
  Connector connector = ConnectorWith(TIXML);
  connector.set_gps_as_lng_attribute(true);
  auto& section = *connector.add_log_sections();
  AddPointTo(section, "A", "/GNSS/A");
  DataPoint& gps = AddPointTo(section, "Gps", "/GNSS/Latitude", {{"type", "gps"}});
  gps.set_second_path("/GNSS/Longitude");
  gps.set_second_is_longitude(true);
  TestLog log({"/GNSS/A", "/GNSS/Longitude"});
  log.Record(1, {1.5, 9.5});
  log.SetPaths({"/GNSS/Longitude", "/GNSS/Latitude"});
  log.Record(2, {9.5, 48.5});
  const std::vector<LogStep> steps = Steps(connector, Ask(log, std::nullopt), std::nullopt);
  EXPECT_EQ(Sensors(connector, steps.at(0)), "<A _=\"1.5\" state=\"1\"/>");
  EXPECT_EQ(Sensors(connector, steps.at(1)), "<Latitude _=\"48.5\" lng=\"9.5\" state=\"2\"/>");
}

TEST(LogRecordsTest, ARecordWhoseColumnsDontFitItsPathsIsUnreadable) {
  TestLog log({"/C/A", "/C/B"});
  for (int i = 0; i < 5; ++i) log.Record(i, {1.5, 2.5});
  LogAnswer answer = Ask(log, std::nullopt);
  answer.read.mutable_records(0)->set_layout(1);
  answer.read.mutable_records(1)->set_kinds("x");
  answer.read.mutable_records(2)->set_states("");
  answer.read.mutable_records(3)->add_bits(0);
  const std::vector<LogStep> steps = Steps(WithLog(), answer, std::nullopt);
  ASSERT_THAT(Ids(steps), ElementsAre(1, 2, 3, 4, 5));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(steps[static_cast<size_t>(i)].what, What::kUnreadable) << i;
  EXPECT_EQ(steps[4].what, What::kSend);
}

TEST(LogRecordsTest, ANewLogBeginsAtItsOldestRecordWithoutAGap) {
  TestLog log({"/C/A"});
  for (int i = 0; i < 5; ++i) log.Record(i, {1.5});
  log.DropUntil(3);
  const std::vector<LogStep> steps = Steps(WithLog(), Ask(log, std::nullopt), std::nullopt);
  ASSERT_THAT(Ids(steps), ElementsAre(4, 5));
  EXPECT_EQ(steps[0].missing_from, 0);
}

TEST(LogRecordsTest, WhatTheBoundsTookIsAGapBeforeTheNextRecord) {
  TestLog log({"/C/A"});
  for (int i = 0; i < 5; ++i) log.Record(i, {1.5});
  log.DropUntil(3);
  const std::vector<LogStep> steps = Steps(WithLog(), Ask(log, 1), 1);
  ASSERT_THAT(Ids(steps), ElementsAre(4, 5));
  EXPECT_EQ(steps[0].missing_from, 2);
  EXPECT_EQ(steps[0].missing_until, 3);
  EXPECT_EQ(steps[1].missing_from, 0);
}

TEST(LogRecordsTest, AnEmptyLogIsRememberedSoThatALaterGapIsSeen) {
  TestLog log({"/C/A"});
  std::vector<LogStep> steps = Steps(WithLog(), Ask(log, std::nullopt), std::nullopt);
  ASSERT_THAT(Ids(steps), ElementsAre(0));
  EXPECT_EQ(steps[0].what, What::kMove);
  EXPECT_EQ(steps[0].missing_from, 0);
  for (int i = 0; i < 5; ++i) log.Record(i, {1.5});
  log.DropUntil(2);
  EXPECT_EQ(Steps(WithLog(), Ask(log, 0), 0).at(0).missing_until, 2);
}

TEST(LogRecordsTest, AGapUpToTheEndMovesThePosition) {
  TestLog log({"/C/A"});
  for (int i = 0; i < 5; ++i) log.Record(i, {1.5});
  log.DropUntil(5);
  const std::vector<LogStep> steps = Steps(WithLog(), Ask(log, 2), 2);
  ASSERT_THAT(Ids(steps), ElementsAre(5));
  EXPECT_EQ(steps[0].what, What::kMove);
  EXPECT_EQ(steps[0].missing_from, 3);
  EXPECT_EQ(steps[0].missing_until, 5);
  EXPECT_THAT(Steps(WithLog(), Ask(log, 5), 5), IsEmpty());
}

TEST(LogRecordsTest, ALogThatWasResetStartsOverAtItsOldestRecord) {
  TestLog log({"/C/A"});
  for (int i = 0; i < 5; ++i) log.Record(i, {1.5});
  log.Reset();
  std::vector<LogStep> steps = Steps(WithLog(), Ask(log, 5), 5);
  ASSERT_THAT(Ids(steps), ElementsAre(0));
  EXPECT_EQ(steps[0].what, What::kMove);
  EXPECT_TRUE(steps[0].anew);
  for (int i = 0; i < 3; ++i) log.Record(i, {1.5});
  log.DropUntil(1);
  steps = Steps(WithLog(), Ask(log, 5), 5);
  ASSERT_THAT(Ids(steps), ElementsAre(1));
  EXPECT_TRUE(steps[0].anew);
  EXPECT_EQ(steps[0].missing_from, 0);
}

TEST(LogRecordsTest, ALogThatGoesOnFarAboveWasLostAndHasNoGap) {
  TestLog log({"/C/A"});
  for (int i = 0; i < 5; ++i) log.Record(i, {1.5});
  log.Reset(1'700'000'000);
  std::vector<LogStep> steps = Steps(WithLog(), Ask(log, 5), 5);
  ASSERT_THAT(Ids(steps), ElementsAre(1'700'000'000));
  EXPECT_TRUE(steps[0].anew);
  EXPECT_EQ(steps[0].missing_from, 0);
  for (int i = 0; i < 3; ++i) log.Record(i, {1.5});
  log.DropUntil(1'700'000'001);
  steps = Steps(WithLog(), Ask(log, 5), 5);
  ASSERT_THAT(Ids(steps), ElementsAre(1'700'000'002, 1'700'000'003));
  EXPECT_TRUE(steps[0].anew);
  EXPECT_EQ(steps[0].what, What::kSend);
  EXPECT_EQ(steps[0].missing_from, 0);
  EXPECT_FALSE(steps[1].anew);
}

TEST(LogRecordsTest, ADamagedRecordIsPassedAlone) {
  TestLog log({"/C/A"});
  for (int i = 0; i < 9; ++i) log.Record(i, {1.5});
  LogAnswer answer;
  answer.damaged = true;
  std::vector<LogStep> steps = Steps(WithLog(), answer, 5);
  ASSERT_THAT(Ids(steps), ElementsAre(6));
  EXPECT_EQ(steps[0].what, What::kUnreadable);
  log.DropUntil(6);
  answer.extent = log.Extent();
  steps = Steps(WithLog(), answer, 5);
  ASSERT_THAT(Ids(steps), ElementsAre(7));
  EXPECT_EQ(steps[0].missing_from, 6);
  EXPECT_EQ(steps[0].missing_until, 6);
}

TEST(LogRecordsTest, WithoutRecordsAndAnExtentNothingIsKnown) {
  EXPECT_THAT(Steps(WithLog(), LogAnswer(), 5), IsEmpty());
  EXPECT_THAT(Steps(WithLog(), LogAnswer(), std::nullopt), IsEmpty());
}

TEST(LogRecordsTest, RecordsThatWereNotAskedForAreNotSentAgain) {
  TestLog log({"/C/A"});
  for (int i = 0; i < 3; ++i) log.Record(i, {1.5});
  EXPECT_THAT(Ids(Steps(WithLog(), Ask(log, std::nullopt), 2)), ElementsAre(3));
}

}  // namespace
}  // namespace fieldgate::cloud_link
