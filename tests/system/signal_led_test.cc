// The signal LED follows the connection (manual 7.5).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::HasSubstr;

// Two folders that look like LEDs of the Linux LED class.
class SignalLedTest : public testing::Test {
 protected:
  SignalLedTest() {
    for (const char* name : {"red", "green"}) {
      std::filesystem::create_directories(File(name, ""));
      std::ofstream(File(name, "trigger")) << "none [heartbeat] timer\n";
      std::ofstream(File(name, "brightness")) << "1\n";
      std::ofstream(File(name, "max_brightness")) << "255\n";
      std::ofstream(File(name, "delay_on")) << "";
      std::ofstream(File(name, "delay_off")) << "";
    }
    harness_.WriteFile("device.json",
                       DeviceJson(absl::StrCat(R"(, "signal_led": {"red": ")", dir_,
                                               R"(/red", "green": ")", dir_, R"(/green"})")));
  }

  std::string File(absl::string_view led, absl::string_view file) const {
    return absl::StrCat(dir_, "/", led, "/", file);
  }
  std::string Read(absl::string_view led, absl::string_view file) const {
    std::ifstream stream(File(led, file));
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
  }
  std::string LightOf(absl::string_view led) const {
    if (Read(led, "trigger") == "timer" && Read(led, "delay_on") == "500" &&
        Read(led, "delay_off") == "500") {
      return "flashing";
    }
    if (Read(led, "trigger") != "none") return "untouched";
    return Read(led, "brightness") == "255" ? "on" : "off";
  }

  testing::AssertionResult Becomes(const std::string& red, const std::string& green) {
    const auto lights = [this] { return absl::StrCat(LightOf("red"), " ", LightOf("green")); };
    const std::string wanted = absl::StrCat(red, " ", green);
    if (Eventually(kPatience, [&] { return lights() == wanted; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "red and green are " << lights();
  }

  std::string ShownInTheSystemTree() {
    return harness_.Run("tixml", {R"([<Get _="/Process/MB/SignalLED"/>])"}).output;
  }

  const std::string dir_ = NewTempDir();
  GatewayHarness harness_;
};

TEST_F(SignalLedTest, FollowsTheConnection) {
  harness_.broker().Stop();
  harness_.StartGatewayAgain();  // without a configuration
  EXPECT_TRUE(Becomes("off", "off"));

  EXPECT_EQ(harness_.Run("import", {harness_.file("proccfg.tixml"), harness_.file("isp.tixml")})
                .exit_status,
            0);
  EXPECT_TRUE(Becomes("flashing", "off"));

  ASSERT_TRUE(harness_.broker().Start().ok());
  EXPECT_TRUE(Becomes("off", "on"));
  EXPECT_THAT(ShownInTheSystemTree(), HasSubstr("\"255\""));

  harness_.broker().Kill();
  EXPECT_TRUE(Becomes("flashing", "off"));

  ASSERT_TRUE(harness_.broker().Start().ok());
  EXPECT_TRUE(Becomes("off", "on"));

  EXPECT_EQ(harness_.StopGateway(), 0);
  EXPECT_EQ(LightOf("red"), "off");
  EXPECT_EQ(LightOf("green"), "off");
}

TEST_F(SignalLedTest, AMissingLedDisturbsNothing) {
  std::filesystem::remove_all(dir_);
  harness_.StartGateway();
  EXPECT_TRUE(harness_.BecomesWell());
  EXPECT_THAT(harness_.GatewayOutput(), HasSubstr("the signal LED can't be written"));
}

}  // namespace
}  // namespace fieldgate::system_test
