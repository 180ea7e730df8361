// The checker must see what the sweep looks for.
#include "tests/fault/delivery_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace fieldgate::fault {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kTopic[] = "c/fp/g/data";

class DeliveryCheckerTest : public testing::Test {
 protected:
  void Publish(const std::string& topic, const std::string& payload, uint16_t packet_id,
               uint64_t connection = 1) {
    const auto word = [](size_t n) {
      return std::string({static_cast<char>(n >> 8), static_cast<char>(n & 0xff)});
    };
    const std::string body = absl::StrCat(word(topic.size()), topic, word(packet_id), payload);
    checker_.OnPacket({.connection = connection,
                       .from_client = true,
                       .type = MqttPacket::kPublish,
                       .flags = 2,
                       .body = body});
  }
  void Data(int id, const std::string& value = "1", uint64_t connection = 1) {
    Publish(kTopic,
            absl::StrCat("{\n<message_id _=\"", id, "\"/>\n<timestamp _=\"", 1000 + id,
                         "\"/>\n<controllers><C><sensors><Clock _=\"", value,
                         "\" state=\"1\"/></sensors></C></controllers>\n}"),
            static_cast<uint16_t>(id), connection);
  }
  void Acknowledge(int packet_id, uint64_t connection = 1) {
    const std::string body({'\0', static_cast<char>(packet_id)});
    checker_.OnPacket({.connection = connection,
                       .from_client = false,
                       .type = MqttPacket::kPuback,
                       .flags = 0,
                       .body = body});
  }
  void Answer(const std::string& id, int code, const std::string& result, uint16_t packet_id = 9) {
    Publish("c/fp/g/cmdResult",
            absl::StrCat("{\"error_code\":", code, ",\"response_id\":\"", id,
                         "\",\"cmd_result\":{\"", result, "\":null}}"),
            packet_id);
  }

  DeliveryChecker checker_{{"Clock"}};
};

TEST_F(DeliveryCheckerTest, IdsInOrderWithRedeliveriesAreFine) {
  Data(1);
  Data(2);
  Acknowledge(1);
  Data(1, "1", 2);
  Data(2, "1", 2);
  Data(3, "1", 2);
  Acknowledge(2, 2);
  EXPECT_THAT(checker_.problems(), IsEmpty());
  EXPECT_EQ(checker_.AcknowledgedUntil(kTopic), 2);
  EXPECT_EQ(checker_.HighestId(kTopic), 3);
  EXPECT_EQ(checker_.redeliveries(), 2);
  EXPECT_EQ(checker_.TimestampOf(kTopic, 3), 1003);
}

TEST_F(DeliveryCheckerTest, AGapIsAProblem) {
  Data(1);
  Data(3);
  EXPECT_THAT(checker_.problems(), ElementsAre(HasSubstr("message_id 3 before 2")));
}

TEST_F(DeliveryCheckerTest, TheFirstIdIsOne) {
  Data(2);
  EXPECT_THAT(checker_.problems(), ElementsAre(HasSubstr("message_id 2 before 1")));
}

TEST_F(DeliveryCheckerTest, AnIdWithTwoContentsIsAProblem) {
  Data(1, "17");
  Data(1, "18", 2);
  EXPECT_THAT(checker_.problems(), ElementsAre(HasSubstr("message_id 1 with another content")));
}

TEST_F(DeliveryCheckerTest, AnAcknowledgementCountsOnItsOwnConnection) {
  Data(1);
  Acknowledge(1, 2);
  EXPECT_EQ(checker_.AcknowledgedUntil(kTopic), 0);
  Acknowledge(1);
  EXPECT_EQ(checker_.AcknowledgedUntil(kTopic), 1);
}

TEST_F(DeliveryCheckerTest, WhatIsMissingInBetweenIsNotAcknowledged) {
  for (int id = 1; id <= 3; ++id) Data(id);
  Acknowledge(3);
  Acknowledge(1);
  EXPECT_EQ(checker_.AcknowledgedUntil(kTopic), 1);
  Acknowledge(2);
  EXPECT_EQ(checker_.AcknowledgedUntil(kTopic), 3);
}

TEST_F(DeliveryCheckerTest, TwoAnswersToOneRequestAreAProblem) {
  Answer("r1", 0, "Set");
  Answer("r1", 0, "Set");
  EXPECT_THAT(checker_.problems(), IsEmpty());
  Answer("r1", 500, "Error");
  EXPECT_THAT(checker_.problems(), ElementsAre(HasSubstr("request r1 has two answers")));
}

TEST_F(DeliveryCheckerTest, WhatWasRefusedForNowMayBeExecutedLater) {
  Answer("r1", 409, "Error", 1);
  Answer("r1", 0, "Set", 2);
  EXPECT_THAT(checker_.problems(), IsEmpty());
  EXPECT_EQ(checker_.answers().at("r1").error_code, 0);
  EXPECT_FALSE(checker_.AnswerTaken("r1"));
  Acknowledge(2);
  EXPECT_TRUE(checker_.AnswerTaken("r1"));
}

TEST_F(DeliveryCheckerTest, ReadsValuesInEachFormat) {
  Data(1, "42");
  const std::vector<Reading> readings = checker_.Readings(kTopic, "Clock");
  ASSERT_EQ(readings.size(), 1u);
  EXPECT_EQ(readings[0].value, "42");
  EXPECT_EQ(readings[0].state, 1);
  EXPECT_EQ(readings[0].timestamp, 1001);
  std::string value;
  int state = -1;
  EXPECT_TRUE(
      FindSensor(R"("sensors":[{"external_sensor_id":"Clock","value":43,"sensor_state":0}])",
                 "Clock", value, state));
  EXPECT_EQ(value, "43");
  EXPECT_EQ(state, 0);
  EXPECT_FALSE(FindSensor("<LogClock _=\"1\" state=\"1\"/>", "Clock", value, state));
}

}  // namespace
}  // namespace fieldgate::fault
