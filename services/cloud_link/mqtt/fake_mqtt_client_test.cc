#include "services/cloud_link/mqtt/fake_mqtt_client.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "services/cloud_link/mqtt/topic.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FakeMqttClientTest : public ::testing::Test, public MqttListener {
 protected:
  void OnConnected(bool) override { events_.push_back("connected"); }
  void OnDisconnected(const absl::Status& why) override {
    events_.push_back(absl::StrCat("disconnected: ", why.message()));
  }
  void OnSubscribed(MqttToken token, const absl::Status& status) override {
    events_.push_back(absl::StrCat(status.ok() ? "subscribed " : "refused ", token));
  }
  void OnPublished(MqttToken token, const absl::Status&) override {
    events_.push_back(absl::StrCat("published ", token));
  }
  void OnMessage(MqttMessage message) override {
    events_.push_back(absl::StrCat(message.topic, "=", message.payload.substr(0, 10)));
  }

  void Connect() {
    MqttOptions options;
    options.url = "tcp://broker:1883";
    ASSERT_TRUE(client_.Connect(options).ok());
    client_.Deliver();
    events_.clear();
  }

  std::vector<std::string> events_;
  FakeMqttClient client_{*this};
};

TEST_F(FakeMqttClientTest, EventsComeInOrderAndOnlyInDeliver) {
  Connect();
  ASSERT_TRUE(client_.Subscribe(1, {"a", "b"}, Qos::kAtLeastOnce).ok());
  ASSERT_TRUE(client_.Publish(2, "t", "x", Qos::kAtLeastOnce).ok());
  client_.Send({"a", "hello"});
  client_.Send({"c", "not subscribed"});
  EXPECT_THAT(events_, IsEmpty());
  EXPECT_EQ(client_.Deliver(), 3);
  EXPECT_THAT(events_, ElementsAre("a=hello", "subscribed 1", "published 2"));
}

TEST_F(FakeMqttClientTest, RefusesAsTold) {
  client_.refuse_connect = absl::PermissionDeniedError("not authorised");
  MqttOptions options;
  options.url = "tcp://broker:1883";
  ASSERT_TRUE(client_.Connect(options).ok());
  client_.Deliver();
  EXPECT_THAT(events_, ElementsAre("disconnected: not authorised"));
  EXPECT_FALSE(client_.connected());

  client_.refuse_connect = absl::OkStatus();
  Connect();
  client_.refuse_subscribe.insert("b");
  ASSERT_TRUE(client_.Subscribe(1, {"a", "b"}, Qos::kAtLeastOnce).ok());
  client_.Deliver();
  EXPECT_THAT(events_, ElementsAre("refused 1"));
}

TEST_F(FakeMqttClientTest, ASilentBrokerAnswersWhenItSpeaksAgain) {
  Connect();
  client_.silent = true;
  ASSERT_TRUE(client_.Publish(1, "t", "x", Qos::kAtLeastOnce).ok());
  ASSERT_TRUE(client_.Publish(2, "t", "x", Qos::kAtMostOnce).ok());
  client_.Deliver();
  EXPECT_THAT(events_, ElementsAre("published 2"));
  client_.silent = false;
  client_.Deliver();
  EXPECT_THAT(events_, ElementsAre("published 2", "published 1"));
  EXPECT_TRUE(client_.published()[0].acknowledged);
}

TEST_F(FakeMqttClientTest, ABreakVoidsTokensAndSubscriptions) {
  Connect();
  ASSERT_TRUE(client_.Subscribe(1, {"a"}, Qos::kAtLeastOnce).ok());
  ASSERT_TRUE(client_.Publish(2, "t", "x", Qos::kAtLeastOnce).ok());
  client_.Break();
  client_.Deliver();
  EXPECT_THAT(events_, ElementsAre("disconnected: connection lost"));
  EXPECT_EQ(client_.Publish(3, "t", "x", Qos::kAtLeastOnce).code(),
            absl::StatusCode::kFailedPrecondition);
  Connect();
  client_.Send({"a", "hello"});
  client_.Deliver();
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(FakeMqttClientTest, NothingComesAfterDisconnect) {
  Connect();
  ASSERT_TRUE(client_.Publish(1, "t", "x", Qos::kAtLeastOnce).ok());
  client_.Break();
  client_.Disconnect();
  EXPECT_EQ(client_.Deliver(), 0);
}

TEST(TopicTest, NamesAndFilters) {
  EXPECT_TRUE(CheckTopicName("customer/fp/gateway-1/data").ok());
  EXPECT_TRUE(CheckTopicName("gr\xc3\xbc\xc3\x9f/\xe2\x82\xac/\xf0\x9f\x98\x80").ok());
  EXPECT_TRUE(CheckTopicName(std::string(65'535, 't')).ok());
  EXPECT_TRUE(CheckTopicFilter("a/+/b/#").ok());
  for (const std::string& bad :
       {std::string(), std::string("a/+"), std::string("#"), std::string("a\0", 2),
        std::string(65'536, 't'), std::string("\xff"), std::string("\xc3"),  // cut short
        std::string("\xc0\xaf"),                                             // overlong
        std::string("\xed\xa0\x80"), std::string("\xf4\x90\x80\x80")}) {     // surrogate, too high
    EXPECT_EQ(CheckTopicName(bad).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
