// CS-12: databases as text.
#include "services/config_store/database_text.h"

#include "common/tixml/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::config_store {
namespace {

using testing::Le;
using testing::SizeIs;

tixml::Node Item(int number, size_t size) {
  return {"Item", {{"n", std::to_string(number)}}, {}, std::string(size, 'x'), 0};
}

TEST(DatabaseTextTest, AnOrdinaryDatabaseIsOnePartOfReadableTiXml) {
  const tixml::Node database = {"USER", {}, {{"A", {{"k", "°\n<"}}, {}, "", 0}}, "", 0};
  const std::vector<TextPart> parts = WriteParts(database);
  ASSERT_THAT(parts, SizeIs(1));
  EXPECT_EQ(parts[0].parent, "");
  EXPECT_EQ(parts[0].text, "<USER>\n  <A k=\"&#xb0;&#xa;&lt;\"/>\n</USER>\n");
  EXPECT_EQ(*ReadParts(parts), database);
}

TEST(DatabaseTextTest, ADatabaseOverTheParsersLimitIsSplitAndComesBackInOrder) {
  tixml::Node database = {"PROCCFG", {{"k", "v"}}, {}, "", 0};
  for (int bus = 0; bus < 3; ++bus) {
    tixml::Node node = {"Bus", {{"n", std::to_string(bus)}}, {}, "", 0};
    for (int i = 0; i < 30; ++i) node.Add(Item(i, 10'000));
    database.Add(std::move(node)).Add({"Empty", {}, {}, "", 0});
  }
  const std::vector<TextPart> parts = WriteParts(database);
  EXPECT_GT(parts.size(), 3u);
  for (const TextPart& part : parts) EXPECT_THAT(part.text.size(), Le(tixml::kMaxBytes));
  const absl::StatusOr<tixml::Node> back = ReadParts(parts);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(*back == database);
}

TEST(DatabaseTextTest, OneElementOverTheLimitCannotBeReadBack) {
  const tixml::Node database = {"X", {}, {Item(1, 300'000)}, "", 0};
  EXPECT_EQ(ReadParts(WriteParts(database)).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(DatabaseTextTest, APartWhoseParentIsMissingIsRefused) {
  EXPECT_EQ(ReadParts({{"", "<A/>"}, {"B", "<C/>"}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadParts({}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace fieldgate::config_store
