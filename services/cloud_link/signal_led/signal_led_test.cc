#include "services/cloud_link/signal_led/signal_led.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/testing/process.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

class SignalLedTest : public testing::Test {
 protected:
  // A folder that looks like an LED.
  std::string MakeLed(const std::string& name) {
    const std::string folder = dir_ + "/" + name;
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/max_brightness") << "255\n";
    std::ofstream(folder + "/brightness") << "1\n";
    std::ofstream(folder + "/trigger") << "[none] timer\n";
    std::ofstream(folder + "/delay_on") << "";
    std::ofstream(folder + "/delay_off") << "";
    return folder;
  }

  // "off", "on", "flashing"
  std::string LightOf(const std::string& name) const {
    const auto read = [&](const std::string& file) {
      std::ifstream stream(dir_ + "/" + name + "/" + file);
      std::stringstream text;
      text << stream.rdbuf();
      return text.str();
    };
    if (read("trigger") == "timer") return "flashing";
    return read("brightness") == "0" ? "off" : read("brightness") == "255" ? "on" : "untouched";
  }

  void Show(Signal signal) { led_.Settle(signal, now_); }

  config_store::v1::SignalLed Two() {
    config_store::v1::SignalLed leds;
    leds.set_red(MakeLed("red"));
    leds.set_green(MakeLed("green"));
    return leds;
  }

  const std::string dir_ = NewTempDir();
  const MonotonicTime now_{absl::Seconds(1000)};
  SignalLed led_;
};

TEST_F(SignalLedTest, WithoutLedsNothingIsDue) {
  led_.Configure({}, now_);
  EXPECT_EQ(led_.Settle(Signal::kConnected, now_), MonotonicTime::Never());
}

TEST_F(SignalLedTest, TwoLedsFollowTheSignal) {
  led_.Configure(Two(), now_);
  Show(Signal::kOff);
  EXPECT_EQ(LightOf("red"), "off");
  EXPECT_EQ(LightOf("green"), "off");
  Show(Signal::kConnecting);
  EXPECT_EQ(LightOf("red"), "flashing");
  EXPECT_EQ(LightOf("green"), "off");
  Show(Signal::kConnected);
  EXPECT_EQ(LightOf("red"), "off");
  EXPECT_EQ(LightOf("green"), "on");
  led_.TurnOff(now_);
  EXPECT_EQ(LightOf("red"), "off");
  EXPECT_EQ(LightOf("green"), "off");
}

TEST_F(SignalLedTest, OneLedFlashesAndIsLit) {
  config_store::v1::SignalLed leds;
  leds.set_green(MakeLed("signal"));
  led_.Configure(leds, now_);
  Show(Signal::kConnecting);
  EXPECT_EQ(LightOf("signal"), "flashing");
  Show(Signal::kConnected);
  EXPECT_EQ(LightOf("signal"), "on");
}

TEST_F(SignalLedTest, WhatIsNoLongerTheLedGoesOff) {
  led_.Configure(Two(), now_);
  Show(Signal::kConnected);
  config_store::v1::SignalLed leds;
  leds.set_green(MakeLed("other"));
  led_.Configure(leds, now_);
  Show(Signal::kConnected);
  EXPECT_EQ(LightOf("green"), "off");
  EXPECT_EQ(LightOf("other"), "on");
}

TEST_F(SignalLedTest, TheSameConfigurationTouchesNothing) {
  const config_store::v1::SignalLed leds = Two();
  led_.Configure(leds, now_);
  Show(Signal::kConnected);
  std::ofstream(leds.green() + "/brightness") << "7\n";
  led_.Configure(leds, now_);
  Show(Signal::kConnected);
  EXPECT_EQ(LightOf("green"), "untouched");
}

TEST_F(SignalLedTest, AMissingLedDoesNotKeepTheOtherFromItsWork) {
  config_store::v1::SignalLed leds = Two();
  std::filesystem::remove_all(leds.red());
  led_.Configure(leds, now_);
  Show(Signal::kConnecting);
  Show(Signal::kConnected);
  EXPECT_EQ(LightOf("green"), "on");
}

}  // namespace
}  // namespace fieldgate::cloud_link
