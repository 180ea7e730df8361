// The way to running, and everything that can fail in a rollout.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cloud_link/lifecycle/lifecycle_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// --- The way to running ---------------------------------------------------------

TEST_F(LifecycleTest, WithCloudConnStart0NothingHappens) {
  config_.start = false;
  EXPECT_THAT(Begin(), IsEmpty());
  EXPECT_EQ(state(), State::kDisabled);
  EXPECT_EQ(lifecycle_->deadline(), MonotonicTime::Never());
  EXPECT_EQ(lifecycle_->connection_state_msg(), "not connected");
  EXPECT_THAT(On(Connected{}), IsEmpty());
  EXPECT_THAT(On(TimePassed{}), IsEmpty());
}

TEST_F(LifecycleTest, RollsOutInitialisesAndRuns) {
  EXPECT_THAT(Begin(), ElementsAre("connect tcp://base:1883"));
  EXPECT_EQ(state(), State::kConnecting);
  EXPECT_EQ(lifecycle_->connection_state_msg(), "connecting");
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeRollout));
  EXPECT_THAT(On(Subscribed{}), ElementsAre(kRollout));
  EXPECT_EQ(state(), State::kRollout);
  EXPECT_EQ(lifecycle_->connection_state_msg(), "registering");
  EXPECT_THAT(On(RequestSent{"04125378_1"}), IsEmpty());
  EXPECT_EQ(state(), State::kWaitRolloutResult);
  EXPECT_EQ(Left(), absl::Seconds(60));
  EXPECT_THAT(On(Rolled("04125378_1")), ElementsAre("store cust/gw "));
  EXPECT_THAT(On(IdentityStored{}), ElementsAre(kSubscribeInit));
  EXPECT_THAT(On(Subscribed{}), ElementsAre(kInit));
  EXPECT_EQ(state(), State::kInit);
  EXPECT_THAT(On(RequestSent{"i1"}), IsEmpty());
  EXPECT_EQ(state(), State::kWaitInitResult);
  EXPECT_THAT(On(Inited("i1")), ElementsAre("run gw"));
  EXPECT_EQ(state(), State::kRunning);
  EXPECT_EQ(lifecycle_->connection_state_msg(), "connected");
  EXPECT_EQ(lifecycle_->deadline(), MonotonicTime::Never());
  EXPECT_EQ(lifecycle_->portal_version(), "1.0.0");
  EXPECT_EQ(lifecycle_->identity().customer_id, "cust");
  EXPECT_EQ(lifecycle_->ignored(), 0u);
}

TEST_F(LifecycleTest, StoredIdsSkipRollout) {
  UseStoredIds();
  Begin();
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeInit));
}

TEST_F(LifecycleTest, ConfiguredIdsWinOverStoredOnesAndTheirBroker) {
  config_.stored = Identity{"old", "old", "tcp://other:1883", std::nullopt};
  UseConfiguredIds();
  EXPECT_THAT(Begin(), ElementsAre("connect tcp://base:1883"));
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeInit));
}

TEST_F(LifecycleTest, OneConfiguredIdAloneDoesNotSkipRollout) {
  config_.gateway_id = "gw";
  Begin();
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, StoredIdsThatAreNotValidAreNotUsed) {
  config_.stored = Identity{"gw/+", "cust", "tcp://other:1883", std::nullopt};
  EXPECT_THAT(Begin(), ElementsAre("connect tcp://base:1883"));
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, AStoredBrokerThatIsNoLongerAllowedIsNotUsed) {
  UseStoredIds("tcp://other:1883");
  config_.broker_redirect_allow = {"juconn.io"};
  EXPECT_THAT(Begin(), ElementsAre("connect tcp://base:1883"));
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, WithoutAValidSerialNumberThereIsNoRollout) {
  config_.serial_number = "#";
  Begin();
  EXPECT_THAT(On(Connected{}), IsEmpty());
  EXPECT_EQ(state(), State::kBackoff);
  EXPECT_THAT(lifecycle_->detail(), HasSubstr("serial number"));
  EXPECT_THAT(Wait(), IsEmpty());
}

// --- data_broker_details and gateway_configuration ------------------------------

TEST_F(LifecycleTest, MovesToTheDataBrokerOfTheRollout) {
  AwaitRollout();
  RolloutResult result = Rolled("r1");
  result.data_broker_url = "broker.juconn.io";
  result.data_broker_qos = 0;
  EXPECT_THAT(On(result), ElementsAre("store cust/gw tcp://broker.juconn.io:1883"));
  EXPECT_THAT(On(IdentityStored{}),
              ElementsAre("disconnect", "connect tcp://broker.juconn.io:1883"));
  EXPECT_EQ(state(), State::kConnecting);
  EXPECT_FALSE(lifecycle_->connected());
  EXPECT_EQ(lifecycle_->broker_url(), "tcp://broker.juconn.io:1883");
  EXPECT_EQ(lifecycle_->identity().data_broker_qos, 0);
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeInit));
}

TEST_F(LifecycleTest, ADataBrokerThatIsTheBaseUrlKeepsTheConnection) {
  AwaitRollout();
  RolloutResult result = Rolled("r1");
  result.data_broker_url = "base:1883";
  On(result);
  EXPECT_THAT(On(IdentityStored{}), ElementsAre(kSubscribeInit));
}

TEST_F(LifecycleTest, StoredDataBrokerIsConnectedDirectly) {
  UseStoredIds("tcp://other:1883");
  EXPECT_THAT(Begin(), ElementsAre("connect tcp://other:1883"));
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeInit));
}

TEST_F(LifecycleTest, ARedirectThatIsNotAllowedFailsTheRollout) {
  config_.broker_redirect_allow = {"juconn.io"};
  AwaitRollout();
  RolloutResult result = Rolled("r1");
  result.data_broker_url = "evil.example";
  EXPECT_THAT(On(result), IsEmpty());
  EXPECT_EQ(state(), State::kBackoff);
  EXPECT_THAT(lifecycle_->detail(), HasSubstr("BrokerRedirectAllow doesn't list it"));
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, ARedirectOutOfTlsFailsTheRollout) {
  config_.base_url = "ssl://base:8883";
  AwaitRollout();
  RolloutResult result = Rolled("r1");
  result.data_broker_url = "tcp://other:1883";
  EXPECT_THAT(On(result), IsEmpty());
  EXPECT_THAT(lifecycle_->detail(), HasSubstr("would leave TLS"));
}

TEST_F(LifecycleTest, ABadQosOfTheDataBrokerFailsTheRollout) {
  AwaitRollout();
  RolloutResult result = Rolled("r1");
  result.data_broker_qos = 3;
  EXPECT_THAT(On(result), IsEmpty());
  EXPECT_EQ(state(), State::kBackoff);
}

TEST_F(LifecycleTest, ExecutesTheConfigurationOnceTheIdsAreStored) {
  AwaitRollout();
  RolloutResult result = Rolled("r1");
  result.has_configuration = true;
  EXPECT_THAT(On(result), ElementsAre("store cust/gw "));
  EXPECT_THAT(On(IdentityStored{}), ElementsAre("execute", kSubscribeInit));
}

// --- Rollout fails --------------------------------------------------------------

TEST_F(LifecycleTest, RolloutErrorsAreNamedAndTriedAgainOnTheSameConnection) {
  for (const auto& [code, text] :
       {std::pair(404, "portal answered 404 to rollout: gateway not found; next try in "),
        std::pair(409, "portal answered 409 to rollout: gateway not in rollout state; next try"),
        std::pair(1, "portal answered 1 to rollout; next try in ")}) {
    AwaitRollout();
    RolloutResult result = Rolled("r1");
    result.error_code = code;
    EXPECT_THAT(On(result), IsEmpty());
    EXPECT_EQ(state(), State::kBackoff);
    EXPECT_TRUE(lifecycle_->connected());
    EXPECT_EQ(lifecycle_->connection_state_msg(), "registering");
    EXPECT_THAT(lifecycle_->detail(), HasSubstr(text));
    EXPECT_THAT(Wait(), ElementsAre(kSubscribeRollout));
    EXPECT_THAT(On(Subscribed{}), ElementsAre(kRollout));
  }
}

TEST_F(LifecycleTest, MismatchedRolloutResponseIdIsIgnoredAndTheTimeoutRetries) {
  AwaitRollout("r2");
  EXPECT_THAT(On(Rolled("r1")), IsEmpty());  // late answer to an earlier try
  EXPECT_EQ(state(), State::kWaitRolloutResult);
  EXPECT_EQ(lifecycle_->ignored(), 1u);
  EXPECT_THAT(Wait(), IsEmpty());
  EXPECT_EQ(state(), State::kBackoff);
  EXPECT_THAT(lifecycle_->detail(), HasSubstr("no answer to rollout within 60 s"));
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeRollout));
  On(Subscribed{});
  On(RequestSent{"r3"});
  EXPECT_THAT(On(Rolled("r2")), IsEmpty());
  EXPECT_THAT(On(Rolled("r3")), ElementsAre("store cust/gw "));
}

TEST_F(LifecycleTest, NewLimitsHoldForTheNextWaitAndEndALongerPause) {
  AwaitRollout();
  LifecycleConfig limits = config_;
  limits.response_timeout = absl::Seconds(5);
  limits.retry_max = absl::Milliseconds(100);
  lifecycle_->SetLimits(limits, now_);
  EXPECT_EQ(Left(), absl::Seconds(60)) << "of the request under way";
  Wait();
  ASSERT_EQ(state(), State::kBackoff);
  EXPECT_LE(Left(), absl::Milliseconds(100));
  limits.retry_max = absl::Milliseconds(1);
  lifecycle_->SetLimits(limits, now_);
  EXPECT_EQ(Left(), absl::Milliseconds(1));
  Wait();
  On(Subscribed{});
  On(RequestSent{"r2"});
  EXPECT_EQ(Left(), absl::Seconds(5));
}

TEST_F(LifecycleTest, AShorterBrokerFallbackTimeEndsAPauseOnTheDataBroker) {
  UseStoredIds("tcp://data:1883");
  Begin();
  On(Disconnected{"no route"});
  LifecycleConfig limits = config_;
  limits.broker_fallback = absl::ZeroDuration();
  lifecycle_->SetLimits(limits, now_);
  EXPECT_EQ(Left(), absl::ZeroDuration());
  EXPECT_EQ(Wait(), Actions{absl::StrCat("connect ", kBase)});
}

TEST_F(LifecycleTest, ARolloutResultDuringTheBackoffIsIgnored) {
  AwaitRollout();
  Wait();
  EXPECT_THAT(On(Rolled("r1")), IsEmpty());
  EXPECT_EQ(state(), State::kBackoff);
  EXPECT_EQ(lifecycle_->ignored(), 1u);
}

TEST_F(LifecycleTest, ADuplicateRolloutResultIsIgnored) {
  AwaitRollout();
  On(Rolled("r1"));
  EXPECT_THAT(On(Rolled("r1")), IsEmpty());
  On(IdentityStored{});
  EXPECT_THAT(On(Rolled("r1")), IsEmpty());
  EXPECT_EQ(lifecycle_->ignored(), 2u);
}

TEST_F(LifecycleTest, IdsThatWouldBreakATopicFailTheRollout) {
  for (const char* id : {"", "a/b", "#", "a b"}) {
    AwaitRollout();
    RolloutResult result = Rolled("r1");
    result.customer_id = id;
    EXPECT_THAT(On(result), IsEmpty()) << id;
    EXPECT_THAT(lifecycle_->detail(), HasSubstr("not valid")) << id;
  }
}

TEST_F(LifecycleTest, UnreadableResultIsCountedAndShownAndTheTimeoutRetries) {
  AwaitRollout();
  EXPECT_THAT(On(UnreadableResult{"error_code is missing"}), IsEmpty());
  EXPECT_EQ(state(), State::kWaitRolloutResult);
  EXPECT_EQ(lifecycle_->ignored(), 1u);
  EXPECT_THAT(lifecycle_->detail(), HasSubstr("error_code is missing"));
  EXPECT_THAT(Wait(), IsEmpty());
  EXPECT_EQ(state(), State::kBackoff);
}

TEST_F(LifecycleTest, ARefusedSubscriptionIsShownAndTriedAgain) {
  Begin();
  On(Connected{});
  EXPECT_THAT(On(SubscribeFailed{"broker refused (0x80)"}), IsEmpty());
  EXPECT_EQ(state(), State::kBackoff);
  EXPECT_THAT(lifecycle_->detail(), HasSubstr("broker refused (0x80)"));
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, ARolloutThatCannotBeSentIsTriedAgain) {
  Begin();
  On(Connected{});
  On(Subscribed{});
  EXPECT_THAT(On(RequestFailed{"too much in flight"}), IsEmpty());
  EXPECT_THAT(lifecycle_->detail(), HasSubstr("too much in flight"));
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, ARequestThatIsNeverReportedAsSentIsTriedAgain) {
  Begin();
  On(Connected{});
  On(Subscribed{});
  EXPECT_THAT(Wait(), IsEmpty());
  EXPECT_EQ(state(), State::kBackoff);
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, IdsThatCannotBeStoredLeadToAnotherRollout) {
  AwaitRollout();
  On(Rolled("r1"));
  EXPECT_THAT(On(IdentityStoreFailed{"disk full"}), IsEmpty());
  EXPECT_THAT(lifecycle_->detail(), HasSubstr("disk full"));
  EXPECT_EQ(lifecycle_->identity(), Identity{});
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, AStoreThatDoesNotAnswerLeadsToAnotherRollout) {
  AwaitRollout();
  On(Rolled("r1"));
  EXPECT_THAT(Wait(), IsEmpty());
  EXPECT_EQ(state(), State::kBackoff);
  EXPECT_THAT(On(IdentityStoreFailed{"deadline exceeded"}), IsEmpty());
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeRollout));
  EXPECT_THAT(On(IdentityStored{}), IsEmpty());
  EXPECT_EQ(lifecycle_->ignored(), 1u);
}

TEST_F(LifecycleTest, AStoreThatAnswersLateSparesAnotherRollout) {
  AwaitRollout();
  RolloutResult result = Rolled("r1");
  result.has_configuration = true;
  On(result);
  Wait();
  EXPECT_THAT(On(IdentityStored{}), ElementsAre("execute", kSubscribeInit));
}

TEST_F(LifecycleTest, IdsStoredWhileTheConnectionIsLostSpareAnotherRollout) {
  AwaitRollout();
  RolloutResult result = Rolled("r1");
  result.data_broker_url = "other";
  On(result);
  EXPECT_THAT(On(Disconnected{"reset"}), IsEmpty());
  EXPECT_THAT(On(IdentityStored{}), IsEmpty());
  EXPECT_THAT(Wait(), ElementsAre("connect tcp://other:1883"));
}

TEST_F(LifecycleTest, IdsStoredWhileConnectingMoveToTheirBroker) {
  AwaitRollout();
  RolloutResult result = Rolled("r1");
  result.data_broker_url = "other";
  On(result);
  On(Disconnected{"reset"});
  EXPECT_THAT(Wait(), ElementsAre("connect tcp://base:1883"));
  EXPECT_THAT(On(IdentityStored{}), IsEmpty());
  EXPECT_THAT(On(Connected{}), ElementsAre("disconnect", "connect tcp://other:1883"));
}

}  // namespace
}  // namespace fieldgate::cloud_link
