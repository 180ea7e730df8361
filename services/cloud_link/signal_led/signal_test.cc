// CL-100, CL-101: what the signal LED says.
#include "services/cloud_link/signal_led/signal.h"

#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using State = LifecycleState;

TEST(SignalTest, WithoutAStartedConnectorItIsOff) {
  EXPECT_EQ(SignalOf({}), Signal::kOff);
  EXPECT_EQ(SignalOf({State::kDisabled, State::kDisabled}), Signal::kOff);
}

TEST(SignalTest, EachStateBeforeRunningIsConnecting) {
  for (const State state : {State::kConnecting, State::kRollout, State::kWaitRolloutResult,
                            State::kInit, State::kWaitInitResult, State::kBackoff}) {
    EXPECT_EQ(SignalOf({state}), Signal::kConnecting);
  }
}

TEST(SignalTest, RunningIsConnected) { EXPECT_EQ(SignalOf({State::kRunning}), Signal::kConnected); }

TEST(SignalTest, OfSeveralAllThatAreStartedMustBeRunning) {
  EXPECT_EQ(SignalOf({State::kRunning, State::kRunning, State::kRunning}), Signal::kConnected);
  EXPECT_EQ(SignalOf({State::kRunning, State::kBackoff}), Signal::kConnecting);
  EXPECT_EQ(SignalOf({State::kBackoff, State::kRunning}), Signal::kConnecting);
  EXPECT_EQ(SignalOf({State::kDisabled, State::kRunning, State::kDisabled}), Signal::kConnected);
}

TEST(LightsTest, OfTwoLedsRedFlashesAndGreenIsLit) {
  EXPECT_EQ(LightsOf(Signal::kOff, true, true), (Lights{Light::kOff, Light::kOff}));
  EXPECT_EQ(LightsOf(Signal::kConnecting, true, true), (Lights{Light::kFlashing, Light::kOff}));
  EXPECT_EQ(LightsOf(Signal::kConnected, true, true), (Lights{Light::kOff, Light::kOn}));
}

TEST(LightsTest, OneLedDoesBothWhateverItsColour) {
  EXPECT_EQ(LightsOf(Signal::kConnecting, false, true).green, Light::kFlashing);
  EXPECT_EQ(LightsOf(Signal::kConnected, false, true).green, Light::kOn);
  EXPECT_EQ(LightsOf(Signal::kConnecting, true, false).red, Light::kFlashing);
  EXPECT_EQ(LightsOf(Signal::kConnected, true, false).red, Light::kOn);
  EXPECT_EQ(LightsOf(Signal::kOff, true, false), Lights());
}

}  // namespace
}  // namespace fieldgate::cloud_link
