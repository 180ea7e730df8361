#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/fieldgate/status_report.h"

namespace fieldgate::commands {
namespace {

// What is said of one loss.
std::string Line(const cloud_link::v1::Loss& loss) {
  const std::string begin = absl::StrCat("Connector C\n  loss ", loss.number(), "  ");
  const std::string text = LossesText({{"C", {loss}}});
  EXPECT_TRUE(absl::StartsWith(text, begin)) << text;
  return std::string(absl::StripSuffix(absl::StripPrefix(text, begin), "\n"));
}

cloud_link::v1::Loss Full() {
  cloud_link::v1::Loss loss;
  loss.set_number(3);
  loss.set_first_message_id(1041);
  loss.set_last_message_id(1120);
  loss.set_first_timestamp(1'700'000'000);
  loss.set_last_timestamp(1'700'000'079);
  loss.set_count(80);
  loss.set_reason("full: oldest dropped");
  return loss;
}

TEST(LossReportTest, ALossInALine) {
  EXPECT_EQ(Line(Full()),
            "80 messages, ids 1041 to 1120, 2023-11-14T22:13:20.000Z to 2023-11-14T22:14:39.000Z, "
            "full: oldest dropped; the portal is not told yet");
}

TEST(LossReportTest, OneMessageAndAToldPortal) {
  cloud_link::v1::Loss loss = Full();
  loss.set_count(1);
  loss.set_last_message_id(1041);
  loss.set_last_timestamp(1'700'000'000);
  loss.set_reported(true);
  EXPECT_EQ(Line(loss),
            "1 message, id 1041, 2023-11-14T22:13:20.000Z, full: oldest dropped; the portal was "
            "told");
}

TEST(LossReportTest, WhatIsNotKnownIsLeftOut) {
  cloud_link::v1::Loss loss;
  loss.set_count(2);
  loss.set_last_timestamp(1'700'000'000);
  loss.set_reason("log \x1b: dropped");
  EXPECT_EQ(Line(loss),
            "2 messages, until 2023-11-14T22:13:20.000Z, log \\x1b: dropped; the portal is not "
            "told yet");
}

TEST(LossReportTest, TextOfSeveralConnectors) {
  EXPECT_EQ(
      LossesText({{"CloudConn", {Full()}}, {"CloudConn2", {}}}),
      "Connector CloudConn\n  loss 3  " + Line(Full()) + "\n\nConnector CloudConn2\n  no losses\n");
  EXPECT_EQ(LossesText({}), "No connector is configured.\n");
}

TEST(LossReportTest, JsonHasAllKeys) {
  cloud_link::v1::Loss unknown;
  unknown.set_number(4);
  unknown.set_count(2);
  unknown.set_reason("x");
  EXPECT_EQ(LossesJson({{"CloudConn", {unknown, Full()}}}),
            R"([{"connector":"CloudConn","losses":[{"number":4,"count":2,)"
            R"("first_message_id":null,"last_message_id":null,"first_time":null,)"
            R"("last_time":null,"reason":"x","reported":false},)"
            R"({"number":3,"count":80,"first_message_id":1041,"last_message_id":1120,)"
            R"("first_time":"2023-11-14T22:13:20.000Z","last_time":"2023-11-14T22:14:39.000Z",)"
            R"("reason":"full: oldest dropped","reported":false}]}])");
}

TEST(LossReportTest, TheStatusShowsLossesAndTheDisk) {
  GatewayStatus status;
  auto& connector = *status.cloud_link.emplace().add_connectors();
  connector.set_name("CloudConn");
  *connector.add_losses() = Full();
  connector.set_disk_low(true);
  connector.set_disk_error("database or disk is full");
  connector.set_messages_in_memory(7);
  connector.set_bytes_limit(1'048'576);
  const std::string text = StatusText(status, absl::UnixEpoch());
  EXPECT_TRUE(absl::StrContains(
      text,
      "  disk         nothing can be stored: database or disk is full; 7 messages wait in "
      "memory; low: stored data don't grow beyond 1048576 bytes\n"))
      << text;
  EXPECT_TRUE(absl::StrContains(text, "  loss 3       " + Line(Full()) + "\n")) << text;
  const std::string json = StatusJson(status);
  EXPECT_TRUE(absl::StrContains(
      json, R"("data_bytes":0,"bytes_limit":1048576,"messages_in_memory":7,"disk_low":true,)"
            R"("disk_error":"database or disk is full","losses":[{"number":3,"count":80,)"))
      << json;
}

}  // namespace
}  // namespace fieldgate::commands
