#include "services/cloud_link/outbox/id_witness.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace fieldgate::cloud_link {
namespace {

TEST(WitnessContentTest, ComesBackAsItWasAndRefusesDamage) {
  WitnessContent content;
  content.settled = true;
  content.self.inode = 7;
  content.self.born_ns = 1'795'656'600'000'000'001;
  content.previous.inode = UINT64_MAX;
  content.ceilings = {{"message/1/Cloud Conn", 10'001}, {"counter/rollout", 1'000}};
  content.oldest = {{"message/1/Cloud Conn", 5}};
  const std::string text = content.Text();
  WitnessContent back;
  ASSERT_TRUE(back.Parse(text));
  EXPECT_EQ(back.Text(), text);
  EXPECT_TRUE(back.settled);
  EXPECT_EQ(back.ceilings, content.ceilings);
  for (size_t i = 0; i < text.size(); ++i) {
    WitnessContent half;
    EXPECT_FALSE(half.Parse(text.substr(0, i)) && i + 1 < text.size()) << i;
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
