// PD-32: change detection.
#include "services/process_data/logging/value_table.h"

#include <gmock/gmock.h>

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;

// One run from `first` with these integers, all of `state`.
Batch Values(uint32_t first, const std::vector<uint64_t>& bits, int state = 1) {
  Batch batch;
  batch.runs.push_back({first, static_cast<uint32_t>(bits.size()), 0});
  batch.kinds = std::string(bits.size(), static_cast<char>(ValueKind::kUint));
  batch.states = std::string(bits.size(), static_cast<char>(state));
  batch.bits = bits;
  return batch;
}

Batch Text(const std::string& text) {
  Batch batch = Values(0, {0}, 2);
  batch.kinds = std::string(1, static_cast<char>(ValueKind::kText));
  batch.texts = {text};
  return batch;
}

TEST(ValueTableTest, PointsThatNeverHadAValueAreNoChange) {
  ValueTable table(2);
  Batch batch = Values(0, {0, 0}, 0);
  batch.kinds = std::string(2, static_cast<char>(ValueKind::kNone));
  table.Apply(batch);
  EXPECT_FALSE(table.any_changed());
}

TEST(ValueTableTest, AnotherValueIsAChangeAndTheSameOneIsNone) {
  ValueTable table(3);
  table.Apply(Values(1, {5, 6}));
  EXPECT_FALSE(table.changed(0));
  EXPECT_TRUE(table.changed(1));
  EXPECT_TRUE(table.changed(2));
  table.ClearChanges();
  table.Apply(Values(1, {5, 7}));
  EXPECT_FALSE(table.changed(1));
  EXPECT_TRUE(table.changed(2));
}

TEST(ValueTableTest, AnotherStateIsAChange) {
  ValueTable table(1);
  table.Apply(Values(0, {5}));
  table.ClearChanges();
  table.Apply(Values(0, {5}, 0));
  EXPECT_TRUE(table.changed(0));
}

TEST(ValueTableTest, TextsAreCompared) {
  ValueTable table(1);
  table.Apply(Text("a"));
  table.ClearChanges();
  table.Apply(Text("a"));
  EXPECT_FALSE(table.any_changed());
  table.Apply(Text("b"));
  EXPECT_TRUE(table.changed(0));
}

TEST(ValueTableTest, GatherTakesPointsInTheOrderAskedFor) {
  ValueTable table(3);
  table.Apply(Values(0, {7, 8, 9}));
  table.Apply(Text("a"));
  const RecordValues values = table.Gather({2, 0, 2});
  EXPECT_THAT(values.bits, ElementsAre(9, 0, 9));
  EXPECT_THAT(values.texts, ElementsAre("a"));
  EXPECT_EQ(values.states, (std::string{1, 2, 1}));
}

}  // namespace
}  // namespace fieldgate::process_data
