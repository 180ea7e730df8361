#include "services/cloud_link/payload/topics.h"

#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

TEST(TopicsTest, AreThoseOfTable1_1) {
  EXPECT_EQ(RolloutTopic(), "fp/gatewayRollout");
  EXPECT_EQ(RolloutResultTopic("04125378"), "fp/gatewayRolloutResult/04125378");
  const GatewayTopics topics = TopicsOf("cust", "gw");
  EXPECT_EQ(topics.init, "cust/fp/gw/gatewayInit");
  EXPECT_EQ(topics.init_result, "cust/fp/gw/gatewayInitResult");
  EXPECT_EQ(topics.data, "cust/fp/gw/data");
  EXPECT_EQ(topics.config, "cust/fp/gw/config");
  EXPECT_EQ(topics.config_result, "cust/fp/gw/configResult");
  EXPECT_EQ(topics.cmd, "cust/fp/gw/cmd");
  EXPECT_EQ(topics.cmd_result, "cust/fp/gw/cmdResult");
  EXPECT_EQ(topics.state, "cust/fp/gw/state");
  EXPECT_EQ(topics.state_result, "cust/fp/gw/stateResult");
}

TEST(TopicsTest, AnIdHasLettersDigitsAndFourSigns) {
  for (const char* id : {"a", "Object_ID", "5c9e:1.a-B", "."}) EXPECT_TRUE(IsValidId(id)) << id;
  EXPECT_TRUE(IsValidId(std::string(64, 'x')));
}

TEST(TopicsTest, WhatWouldChangeATopicIsNoId) {
  for (const char* id : {"", "a/b", "+", "#", "a b", "\xc3\xa4", "a\n"}) {
    EXPECT_FALSE(IsValidId(id)) << id;
  }
  EXPECT_FALSE(IsValidId(std::string(65, 'x')));
  EXPECT_FALSE(IsValidId(absl::string_view("a\0b", 3)));
}

TEST(TopicsTest, NoTopicIsBuiltFromInvalidIds) {
  EXPECT_EQ(TopicsOf("cust", "#").data, "");
  EXPECT_EQ(TopicsOf("a/b", "gw").cmd, "");
  EXPECT_EQ(RolloutResultTopic("+"), "");
}

}  // namespace
}  // namespace fieldgate::cloud_link
