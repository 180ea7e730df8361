// Init, lost connections, fallback, and changes from outside.
#include <algorithm>
#include <cmath>
#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cloud_link/lifecycle/lifecycle_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// --- Init fails -----------------------------------------------------------------

TEST_F(LifecycleTest, InitErrorWithStoredIdsLeadsBackToRollout) {
  for (const auto& [code, text] :
       {std::pair(404, "portal answered 404 to init: gateway not found; next"),
        std::pair(409, "portal answered 409 to init: gateway not in valid state; next"),
        std::pair(500, "portal answered 500 to init: response_id of gatewayInit is empty; next"),
        std::pair(7, "portal answered 7 to init; next")}) {
    UseStoredIds();
    AwaitInit();
    EXPECT_THAT(On(InitResult{code, "i1", ""}), IsEmpty());
    EXPECT_EQ(state(), State::kBackoff);
    EXPECT_THAT(lifecycle_->detail(), HasSubstr(text));
    EXPECT_THAT(Wait(), ElementsAre(kSubscribeRollout));
    EXPECT_EQ(lifecycle_->identity().gateway_id, "gw") << "data goes on being stored";
  }
}

TEST_F(LifecycleTest, InitErrorOnTheDataBrokerLeadsToRolloutAtTheBaseUrl) {
  UseStoredIds("tcp://other:1883");
  AwaitInit();
  On(InitResult{404, "i1", ""});
  EXPECT_THAT(Wait(), ElementsAre("disconnect", "connect tcp://base:1883"));
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, InitErrorIsRememberedWhenTheConnectionIsLost) {
  UseStoredIds();
  AwaitInit();
  On(InitResult{404, "i1", ""});
  On(Disconnected{"reset"});
  EXPECT_THAT(Wait(), ElementsAre("connect tcp://base:1883"));
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, InitErrorWithConfiguredIdsIsTriedAgain) {
  UseConfiguredIds();
  AwaitInit();
  EXPECT_THAT(On(InitResult{409, "i1", ""}), IsEmpty());
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeInit));
  EXPECT_THAT(On(Subscribed{}), ElementsAre(kInit));
}

TEST_F(LifecycleTest, InitTimeoutWithStoredIdsLeadsBackToRollout) {
  UseStoredIds();
  AwaitInit();
  EXPECT_THAT(Wait(), IsEmpty());
  EXPECT_THAT(lifecycle_->detail(), HasSubstr("no answer to init within 60 s"));
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, InitTimeoutThatWasALostConnectionLeadsToInitAgain) {
  UseStoredIds();
  AwaitInit();
  Wait();
  On(Disconnected{"keep alive"});
  Wait();
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeInit));
}

TEST_F(LifecycleTest, InitTimeoutWithConfiguredIdsIsTriedAgain) {
  UseConfiguredIds();
  AwaitInit();
  Wait();
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeInit));
}

TEST_F(LifecycleTest, MismatchedInitResponseIdIsIgnored) {
  UseStoredIds();
  AwaitInit("i2");
  EXPECT_THAT(On(Inited("i1")), IsEmpty());
  EXPECT_THAT(On(InitResult{404, "i1", ""}), IsEmpty());
  EXPECT_EQ(state(), State::kWaitInitResult);
  EXPECT_EQ(lifecycle_->ignored(), 2u);
  EXPECT_THAT(On(Inited("i2")), ElementsAre("run gw"));
}

TEST_F(LifecycleTest, ARefusedInitSubscriptionWithStoredIdsLeadsBackToRollout) {
  UseStoredIds();
  Begin();
  On(Connected{});
  On(SubscribeFailed{"broker refused (0x80)"});
  EXPECT_THAT(lifecycle_->detail(), HasSubstr("0x80"));
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, AnInitSubscriptionLostWithTheConnectionIsTriedAgain) {
  UseStoredIds();
  Begin();
  On(Connected{});
  On(SubscribeFailed{"not connected"});
  On(Disconnected{"reset"});
  Wait();
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeInit));
}

TEST_F(LifecycleTest, AnInitThatCannotBeSentIsTriedAgain) {
  UseStoredIds();
  Begin();
  On(Connected{});
  On(Subscribed{});
  EXPECT_THAT(On(RequestFailed{"too much in flight"}), IsEmpty());
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeInit));
}

TEST_F(LifecycleTest, AnInitThatIsNeverReportedAsSentIsTriedAgain) {
  UseStoredIds();
  Begin();
  On(Connected{});
  On(Subscribed{});
  EXPECT_THAT(Wait(), IsEmpty());
  EXPECT_THAT(Wait(), ElementsAre(kSubscribeInit));
}

// --- The connection fails -------------------------------------------------------

TEST_F(LifecycleTest, AFailedConnectIsTriedAgainAfterABackoff) {
  Begin();
  EXPECT_THAT(On(Disconnected{"connection refused"}), IsEmpty());
  EXPECT_EQ(state(), State::kBackoff);
  EXPECT_EQ(lifecycle_->connection_state_msg(), "not connected");
  EXPECT_THAT(lifecycle_->detail(),
              HasSubstr("can't connect to tcp://base:1883: connection refused; next try in "));
  EXPECT_THAT(Wait(), ElementsAre("connect tcp://base:1883"));
}

TEST_F(LifecycleTest, AConnectWithoutAnyEventIsGivenUp) {
  Begin();
  EXPECT_THAT(Wait(), ElementsAre("disconnect"));
  EXPECT_EQ(state(), State::kBackoff);
  EXPECT_THAT(Wait(), ElementsAre("connect tcp://base:1883"));
}

TEST_F(LifecycleTest, ABrokerThatConfirmsNoSubscriptionIsLeft) {
  for (const bool stored : {false, true}) {
    if (stored) UseStoredIds();
    Begin();
    On(Connected{});
    EXPECT_THAT(Wait(), ElementsAre("disconnect"));
    EXPECT_FALSE(lifecycle_->connected());
    EXPECT_THAT(lifecycle_->detail(), HasSubstr("did not confirm a subscription"));
    EXPECT_THAT(Wait(), ElementsAre("connect tcp://base:1883"));
  }
}

TEST_F(LifecycleTest, LosingTheConnectionInAnyStateLeadsToAReconnect) {
  const std::vector<std::function<void()>> ways = {
      [&] { Begin(); },
      [&] { Begin(), On(Connected{}); },
      [&] { Begin(), On(Connected{}), On(Subscribed{}); },
      [&] { AwaitRollout(); },
      [&] { AwaitRollout(), On(Rolled("r1")); },
      [&] { AwaitRollout(), Wait(); },
      [&] { UseStoredIds(), Begin(), On(Connected{}); },
      [&] { Begin(), On(Connected{}), On(Subscribed{}); },
      [&] { AwaitInit(); },
      [&] { AwaitInit(), Wait(); },
      [&] { Run(); },
  };
  for (size_t i = 0; i < ways.size(); ++i) {
    SCOPED_TRACE(i);
    ways[i]();
    EXPECT_THAT(On(Disconnected{"reset"}), IsEmpty());
    EXPECT_EQ(state(), State::kBackoff);
    EXPECT_FALSE(lifecycle_->connected());
    EXPECT_THAT(On(Disconnected{"again"}), IsEmpty());
    EXPECT_THAT(Wait(), ElementsAre("connect tcp://base:1883"));
  }
}

TEST_F(LifecycleTest, InitRunsAfterEveryReconnect) {
  UseStoredIds();
  Run();
  On(Disconnected{"reset"});
  Wait();
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeInit));
  On(Subscribed{});
  On(RequestSent{"i2"});
  EXPECT_EQ(state(), State::kWaitInitResult);
  EXPECT_THAT(On(Inited("i1")), IsEmpty());
  EXPECT_THAT(On(Inited("i2")), ElementsAre("run gw"));
}

TEST_F(LifecycleTest, TriesOfABrokerThatRefusesBackOffTo120SecondsAndRunningResetsThem) {
  UseStoredIds();
  Begin();
  absl::Duration longest;
  for (int i = 0; i < 200; ++i) {
    On(Disconnected{.why = "not authorised", .refused = true});
    const absl::Duration bound = absl::Seconds(std::min(120.0, std::pow(2, i)));
    EXPECT_LE(Left(), bound);
    EXPECT_GE(Left(), absl::Milliseconds(50));
    longest = std::max(longest, Left());
    Wait();
  }
  EXPECT_GT(longest, absl::Seconds(60));
  On(Connected{});
  On(Subscribed{});
  On(RequestSent{"i1"});
  On(Inited("i1"));
  On(Disconnected{.why = "not authorised", .refused = true});
  EXPECT_LE(Left(), absl::Seconds(1));
}

TEST_F(LifecycleTest, ABrokerThatIsNotReachedIsTriedEveryTwoSecondsForAsLongAsItTakes) {
  UseStoredIds();
  Run();
  absl::Duration longest;
  for (int i = 0; i < 1000; ++i) {
    On(Disconnected{"no route to host"});
    EXPECT_LE(Left(), i == 0 ? absl::Seconds(1) : absl::Seconds(2));
    EXPECT_GE(Left(), absl::Milliseconds(50));
    longest = std::max(longest, Left());
    EXPECT_THAT(Wait(), ElementsAre("connect tcp://base:1883"));
  }
  EXPECT_GT(longest, absl::Seconds(1.5));
}

TEST_F(LifecycleTest, ABrokerThatDropsEachConnectionBeforeItRunsIsTriedEverMoreRarely) {
  UseStoredIds();
  Begin();
  absl::Duration longest;
  for (int i = 0; i < 200; ++i) {
    On(Connected{});
    On(Disconnected{"the broker closed the connection"});
    longest = std::max(longest, Left());
    Wait();
  }
  EXPECT_GT(longest, absl::Seconds(60));
}

TEST_F(LifecycleTest, TheRetryBackoffDoublesToRetryMax) {
  config_.retry_max = absl::Seconds(20);
  Begin();
  On(Connected{});
  absl::Duration longest;
  for (int i = 0; i < 100; ++i) {
    On(SubscribeFailed{"refused"});
    EXPECT_LE(Left(), absl::Seconds(std::min(20.0, std::pow(2, i))));
    longest = std::max(longest, Left());
    Wait();
  }
  EXPECT_GT(longest, absl::Seconds(10));
}

TEST_F(LifecycleTest, PausesDifferWithTheSeed) {
  std::vector<absl::Duration> pauses;
  for (uint32_t seed = 0; seed < 20; ++seed) {
    Lifecycle lifecycle(config_, seed);
    lifecycle.Start(now_);
    lifecycle.On(Disconnected{"refused"}, now_);
    pauses.push_back(lifecycle.deadline() - now_);
  }
  std::sort(pauses.begin(), pauses.end());
  EXPECT_LT(pauses.front(), absl::Seconds(0.4));
  EXPECT_GT(pauses.back(), absl::Seconds(0.6));
}

TEST_F(LifecycleTest, TimePassedBeforeTheDeadlineDoesNothing) {
  AwaitRollout();
  now_ = lifecycle_->deadline() - absl::Nanoseconds(1);
  EXPECT_THAT(On(TimePassed{}), IsEmpty());
  EXPECT_EQ(state(), State::kWaitRolloutResult);
}

// --- The data broker can't be reached -------------------------------------------

TEST_F(LifecycleTest, AfterBrokerFallbackTimeItRollsOutAtTheBaseUrl) {
  config_.broker_fallback = absl::Minutes(10);
  UseStoredIds("tcp://other:1883");
  Begin();
  const MonotonicTime start = now_;
  Actions actions;
  do {
    EXPECT_THAT(On(Disconnected{"refused"}), IsEmpty());
    ASSERT_LE(now_ - start, absl::Minutes(10));
    actions = Wait();
  } while (actions == Actions{"connect tcp://other:1883"});
  EXPECT_EQ(now_ - start, absl::Minutes(10));
  EXPECT_THAT(actions, ElementsAre("connect tcp://base:1883"));
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, FallbackTimeCountsFromTheLossOfTheConnection) {
  config_.broker_fallback = absl::Minutes(10);
  UseStoredIds("tcp://other:1883");
  Run();
  now_ = now_ + absl::Hours(5);
  On(Disconnected{"reset"});
  EXPECT_THAT(Wait(), ElementsAre("connect tcp://other:1883"));
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeInit));
  now_ = now_ + absl::Minutes(9);
  On(Disconnected{"reset"});
  EXPECT_THAT(Wait(), ElementsAre("connect tcp://other:1883"));
  now_ = now_ + absl::Minutes(11);
  On(Disconnected{"refused"});
  EXPECT_THAT(Wait(), ElementsAre("connect tcp://base:1883"));
}

TEST_F(LifecycleTest, TheBaseUrlIsNeverFallenBackFrom) {
  config_.broker_fallback = absl::Seconds(1);
  UseStoredIds();
  Begin();
  for (int i = 0; i < 50; ++i) {
    On(Disconnected{"refused"});
    Wait();
  }
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeInit));
}

// --- Reset and changes ----------------------------------------------------------

TEST_F(LifecycleTest, ResetForgetsTheIdsAndRollsOutAtTheBaseUrl) {
  UseStoredIds("tcp://other:1883");
  Run();
  EXPECT_THAT(On(SecretsReset{}), ElementsAre("forget", "disconnect", "connect tcp://base:1883"));
  EXPECT_EQ(lifecycle_->identity(), Identity{});
  EXPECT_EQ(lifecycle_->portal_version(), "");
  EXPECT_THAT(On(Connected{}), ElementsAre(kSubscribeRollout));
}

TEST_F(LifecycleTest, ResetDuringARolloutStartsItOver) {
  AwaitRollout();
  On(Rolled("r1"));
  EXPECT_THAT(On(SecretsReset{}), ElementsAre("forget", "disconnect", "connect tcp://base:1883"));
  EXPECT_THAT(On(IdentityStored{}), IsEmpty());
  EXPECT_EQ(lifecycle_->identity(), Identity{});
}

TEST_F(LifecycleTest, ResetWithoutAConnectionConnectsAtOnce) {
  UseStoredIds("tcp://other:1883");
  Begin();
  On(Disconnected{"refused"});
  EXPECT_THAT(On(SecretsReset{}), ElementsAre("forget", "connect tcp://base:1883"));
}

TEST_F(LifecycleTest, ResetLeavesConfiguredIdsAndWhatIsDisabledAlone) {
  UseConfiguredIds();
  Run();
  EXPECT_THAT(On(SecretsReset{}), ElementsAre("forget"));
  EXPECT_EQ(state(), State::kRunning);
  config_.start = false;
  Begin();
  EXPECT_THAT(On(SecretsReset{}), ElementsAre("forget"));
  EXPECT_EQ(state(), State::kDisabled);
}

TEST_F(LifecycleTest, AChangedDataModelRunsInitAgainOnTheSameConnection) {
  UseStoredIds();
  Run();
  EXPECT_THAT(On(DataModelChanged{}), ElementsAre(kSubscribeInit));
  EXPECT_EQ(state(), State::kInit);
  EXPECT_TRUE(lifecycle_->connected());
  EXPECT_THAT(On(Subscribed{}), ElementsAre(kInit));
  On(RequestSent{"i2"});
  EXPECT_THAT(On(Inited("i1")), IsEmpty());
  EXPECT_THAT(On(Inited("i2")), ElementsAre("run gw"));
}

TEST_F(LifecycleTest, AModelChangedDuringInitIsSentAgain) {
  UseStoredIds();
  AwaitInit("i1");
  EXPECT_THAT(On(DataModelChanged{}), ElementsAre(kInit));
  EXPECT_THAT(On(DataModelChanged{}), ElementsAre(kInit));
  EXPECT_THAT(On(RequestSent{"i2"}), IsEmpty());
  EXPECT_THAT(On(RequestSent{"i3"}), IsEmpty());
  EXPECT_THAT(On(Inited("i2")), IsEmpty());
  EXPECT_THAT(On(Inited("i3")), ElementsAre("run gw"));
}

TEST_F(LifecycleTest, AModelChangedBeforeInitNeedsNothing) {
  AwaitRollout();
  EXPECT_THAT(On(DataModelChanged{}), IsEmpty());
  EXPECT_EQ(state(), State::kWaitRolloutResult);
  EXPECT_EQ(lifecycle_->ignored(), 0u);
}

TEST_F(LifecycleTest, EventsThatNobodyExpectsAreCountedOnly) {
  UseStoredIds();
  Run();
  const std::vector<LifecycleEvent> events = {Connected{},          Subscribed{},
                                              SubscribeFailed{"x"}, RequestSent{"x"},
                                              RequestFailed{"x"},   Rolled("i1"),
                                              Inited("i1"),         UnreadableResult{"x"},
                                              IdentityStored{},     IdentityStoreFailed{"x"}};
  for (const LifecycleEvent& event : events) EXPECT_THAT(On(event), IsEmpty());
  EXPECT_EQ(state(), State::kRunning);
  EXPECT_EQ(lifecycle_->detail(), "running");
  EXPECT_EQ(lifecycle_->ignored(), events.size());
}

}  // namespace
}  // namespace fieldgate::cloud_link
