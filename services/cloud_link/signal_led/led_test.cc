// CL-102 to CL-104: an LED of the Linux LED class, as a folder of plain files.
#include "services/cloud_link/signal_led/led.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using testing::HasSubstr;

class LedTest : public testing::Test {
 protected:
  void Write(const std::string& file, const std::string& text) {
    std::ofstream(folder_ + "/" + file) << text;
  }
  std::string Read(const std::string& file) const {
    std::ifstream stream(folder_ + "/" + file);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
  }
  void PlugIn(const std::string& triggers = "none [heartbeat] timer\n") {
    std::filesystem::create_directories(folder_);
    Write("max_brightness", "200\n");
    Write("brightness", "0\n");
    Write("trigger", triggers);
    Write("delay_on", "");
    Write("delay_off", "");
  }
  void UnplugIt() { std::filesystem::remove_all(folder_); }

  // What happens until `d` has passed, by its deadlines alone.
  void Advance(absl::Duration d) {
    const MonotonicTime end = now_ + d;
    while (led_.NextDeadline() <= end) {
      now_ = led_.NextDeadline();
      led_.Settle(now_);
    }
    now_ = end;
  }

  const std::string folder_ = NewTempDir() + "/signal";
  MonotonicTime now_{absl::Seconds(1000)};
  Led led_{folder_};
};

TEST_F(LedTest, OnIsItsFullBrightnessWithoutATrigger) {
  PlugIn();
  led_.Show(Light::kOn, now_);
  EXPECT_EQ(Read("trigger"), "none");
  EXPECT_EQ(Read("brightness"), "200");
}

TEST_F(LedTest, OffIsDark) {
  PlugIn();
  Write("brightness", "255\n");
  led_.Show(Light::kOff, now_);
  EXPECT_EQ(Read("trigger"), "none");
  EXPECT_EQ(Read("brightness"), "0");
}

TEST_F(LedTest, TheKernelLetsItFlash) {
  PlugIn();
  led_.Show(Light::kFlashing, now_);
  EXPECT_EQ(Read("trigger"), "timer");
  EXPECT_EQ(Read("delay_on"), "500");
  EXPECT_EQ(Read("delay_off"), "500");
  EXPECT_EQ(Read("brightness"), "0\n");
}

TEST_F(LedTest, FromFlashingToOnAndBack) {
  PlugIn();
  led_.Show(Light::kFlashing, now_);
  led_.Show(Light::kOn, now_);
  EXPECT_EQ(Read("trigger"), "none");
  EXPECT_EQ(Read("brightness"), "200");
  led_.Show(Light::kFlashing, now_);
  EXPECT_EQ(Read("trigger"), "timer");
}

TEST_F(LedTest, WithoutATimerItFlashesByItself) {
  PlugIn("[none] heartbeat\n");
  led_.Show(Light::kFlashing, now_);
  EXPECT_EQ(Read("trigger"), "none");
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Read("brightness"), i % 2 == 0 ? "200" : "0") << i;
    Advance(Led::kHalfPeriod);
  }
  led_.Show(Light::kOn, now_);
  Advance(absl::Minutes(1));
  EXPECT_EQ(Read("brightness"), "200");
}

TEST_F(LedTest, AfterAStallItFlashesOnAtItsPace) {
  PlugIn("[none]\n");
  led_.Show(Light::kFlashing, now_);
  now_ = now_ + absl::Seconds(60);
  led_.Settle(now_);
  EXPECT_EQ(Read("brightness"), "0");
  EXPECT_EQ(led_.NextDeadline(), now_ + Led::kHalfPeriod);
}

TEST_F(LedTest, ATimerThatCanNotBeSetIsReplacedByItself) {
  PlugIn();
  std::filesystem::remove(folder_ + "/delay_off");
  led_.Show(Light::kFlashing, now_);
  EXPECT_EQ(Read("trigger"), "none");
  EXPECT_EQ(Read("brightness"), "200");
  Advance(Led::kHalfPeriod);
  EXPECT_EQ(Read("brightness"), "0");
}

TEST_F(LedTest, AKernelWithoutTriggersWillDo) {
  PlugIn();
  std::filesystem::remove(folder_ + "/trigger");
  led_.Show(Light::kOn, now_);
  EXPECT_EQ(Read("brightness"), "200");
  led_.Show(Light::kFlashing, now_);
  Advance(Led::kHalfPeriod);
  EXPECT_EQ(Read("brightness"), "0");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/trigger"));
}

TEST_F(LedTest, AMissingOneIsLoggedOnceAndWrittenWhenItAppears) {
  testing::internal::CaptureStderr();
  led_.Show(Light::kOn, now_);
  Advance(absl::Minutes(10));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("the signal LED can't be written"));
  EXPECT_THAT(log, HasSubstr(folder_));
  EXPECT_EQ(log.find("can't be written"), log.rfind("can't be written"));
  EXPECT_FALSE(std::filesystem::exists(folder_));
  PlugIn();
  Advance(Led::kLookEvery);
  EXPECT_EQ(Read("brightness"), "200");
  EXPECT_EQ(Read("trigger"), "none");
}

TEST_F(LedTest, OneThatCanNotBeWrittenIsLoggedOnce) {
  PlugIn("[none]\n");
  // A folder can't be written by anybody, root included.
  std::filesystem::remove(folder_ + "/brightness");
  std::filesystem::create_directory(folder_ + "/brightness");
  testing::internal::CaptureStderr();
  led_.Show(Light::kOn, now_);
  Advance(absl::Minutes(1));
  led_.Show(Light::kFlashing, now_);
  Advance(absl::Minutes(1));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("Is a directory"));
  EXPECT_EQ(log.find("can't be written"), log.rfind("can't be written"));
}

TEST_F(LedTest, WhileItIsMissingItIsNotLookedForAllTheTime) {
  led_.Show(Light::kFlashing, now_);
  EXPECT_EQ(led_.NextDeadline(), now_ + Led::kLookEvery);
  led_.Settle(led_.NextDeadline());
  EXPECT_EQ(led_.NextDeadline(), now_ + 2 * Led::kLookEvery);
}

class PluggedInAnewTest : public LedTest, public testing::WithParamInterface<Light> {};

// It comes up as its driver has it.
TEST_P(PluggedInAnewTest, ItIsWrittenAgain) {
  PlugIn();
  led_.Show(GetParam(), now_);
  Advance(absl::Minutes(1));
  UnplugIt();
  Advance(absl::Minutes(1));
  PlugIn();
  Write("brightness", "77\n");
  Advance(Led::kLookEvery);
  EXPECT_EQ(Read("trigger"), GetParam() == Light::kFlashing ? "timer" : "none");
  if (GetParam() == Light::kOn) {
    EXPECT_EQ(Read("brightness"), "200");
  }
  if (GetParam() == Light::kOff) {
    EXPECT_EQ(Read("brightness"), "0");
  }
}

// So fast that it was never seen to be missing.
TEST_P(PluggedInAnewTest, ItIsNoticedByWhatItShows) {
  PlugIn();
  led_.Show(GetParam(), now_);
  PlugIn();
  Advance(Led::kLookEvery);
  EXPECT_EQ(Read("trigger"), GetParam() == Light::kFlashing ? "timer" : "none");
}

INSTANTIATE_TEST_SUITE_P(Lights, PluggedInAnewTest,
                         testing::Values(Light::kOff, Light::kOn, Light::kFlashing),
                         [](const auto& info) -> std::string {
                           return info.param == Light::kOff  ? "Off"
                                  : info.param == Light::kOn ? "On"
                                                             : "Flashing";
                         });

TEST_F(LedTest, WhatAnotherProgramWritesIsPutRight) {
  PlugIn("[none] timer\n");
  led_.Show(Light::kOn, now_);
  Write("brightness", "0\n");
  Advance(Led::kLookEvery);
  EXPECT_EQ(Read("brightness"), "200");
}

TEST_F(LedTest, WhatIsRightIsNotWrittenAgain) {
  PlugIn();
  led_.Show(Light::kOn, now_);
  // As the kernel shows what was written.
  Write("trigger", "[none] heartbeat timer\n");
  Write("brightness", "200\n");
  Advance(absl::Minutes(1));
  EXPECT_EQ(Read("brightness"), "200\n");
  led_.Show(Light::kFlashing, now_);
  Write("trigger", "none heartbeat [timer]\n");
  Write("delay_on", "500\n");
  Advance(absl::Minutes(1));
  EXPECT_EQ(Read("delay_on"), "500\n");
}

}  // namespace
}  // namespace fieldgate::cloud_link
