#include "services/fieldgate/value_table.h"

#include <gmock/gmock.h>

#include <bit>

namespace fieldgate::commands {
namespace {

using process_data::v1::ValueBatch;
using process_data::v1::ValueKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

void AddRun(ValueBatch& batch, uint32_t first, uint32_t count) {
  ValueBatch::Run& run = *batch.add_runs();
  run.set_first(first);
  run.set_count(count);
  run.set_sampled_at_us(absl::ToUnixMicros(kNow));
}

void AddValue(ValueBatch& batch, ValueKind kind, uint64_t bits, char state) {
  batch.mutable_kinds()->push_back(static_cast<char>(kind));
  batch.mutable_states()->push_back(state);
  batch.add_bits(bits);
}

ValueBatch Dictionary(const std::vector<std::string>& paths) {
  ValueBatch batch;
  for (const std::string& path : paths) {
    batch.mutable_dictionary()->add_paths(path);
    batch.mutable_dictionary()->mutable_origins()->push_back('\1');
  }
  return batch;
}

std::vector<std::string> Lines(const absl::StatusOr<std::vector<ValueRow>>& changes) {
  if (!changes.ok()) return {std::string(changes.status().message())};
  std::vector<std::string> lines;
  for (const ValueRow& row : *changes) lines.push_back(row.path + "=" + row.value);
  return lines;
}

TEST(ValueTableTest, EveryKindIsShown) {
  ValueBatch batch = Dictionary({"/f", "/i", "/u", "/b", "/t", "/n"});
  AddRun(batch, 0, 6);
  AddValue(batch, process_data::v1::FLOAT, std::bit_cast<uint64_t>(-2.5), 1);
  AddValue(batch, process_data::v1::INT, static_cast<uint64_t>(int64_t{-7}), 1);
  AddValue(batch, process_data::v1::UINT, UINT64_MAX, 1);
  AddValue(batch, process_data::v1::BOOL, 1, 1);
  AddValue(batch, process_data::v1::TEXT, 0, 1);
  AddValue(batch, process_data::v1::NONE, 0, 0);
  batch.add_texts("on");
  ValueTable table;
  EXPECT_THAT(Lines(table.Apply(batch)),
              ElementsAre("/f=-2.5", "/i=-7", "/u=18446744073709551615", "/b=1", "/t=on", "/n="));
}

TEST(ValueTableTest, OnlyChangedValuesAndStatesAreChanges) {
  ValueTable table;
  ValueBatch batch = Dictionary({"/a", "/b", "/c"});
  AddRun(batch, 0, 3);
  for (int i = 0; i < 3; ++i) AddValue(batch, process_data::v1::INT, 1, 1);
  ASSERT_TRUE(table.Apply(batch).ok());
  batch.clear_dictionary();
  (*batch.mutable_states())[1] = 0;
  batch.set_bits(2, 9);
  EXPECT_THAT(Lines(table.Apply(batch)), ElementsAre("/b=1", "/c=9"));
}

TEST(ValueTableTest, RunsPlaceTheirValues) {
  ValueTable table;
  ValueBatch batch = Dictionary({"/a", "/b", "/c"});
  AddRun(batch, 2, 1);
  AddRun(batch, 0, 1);
  AddValue(batch, process_data::v1::INT, 3, 1);
  AddValue(batch, process_data::v1::INT, 1, 1);
  EXPECT_THAT(Lines(table.Apply(batch)), ElementsAre("/c=3", "/a=1"));
}

TEST(ValueTableTest, NewDictionaryKeepsWhatIsKnown) {
  ValueTable table;
  ValueBatch batch = Dictionary({"/a", "/b"});
  AddRun(batch, 0, 2);
  AddValue(batch, process_data::v1::INT, 1, 1);
  AddValue(batch, process_data::v1::INT, 2, 1);
  ASSERT_TRUE(table.Apply(batch).ok());
  EXPECT_THAT(Lines(table.Apply(Dictionary({"/c", "/b"}))), IsEmpty());
  ASSERT_EQ(table.rows().size(), 2u);
  EXPECT_EQ(table.rows()[0].state, -1);
  EXPECT_EQ(table.rows()[1].value, "2");
}

TEST(ValueTableTest, PointOutsideTheDictionaryIsRefused) {
  ValueTable table;
  ValueBatch batch = Dictionary({"/a"});
  AddRun(batch, 1, 1);
  AddValue(batch, process_data::v1::INT, 1, 1);
  EXPECT_EQ(table.Apply(batch).status().code(), absl::StatusCode::kInternal);
  batch.mutable_runs(0)->set_first(UINT32_MAX);
  EXPECT_EQ(table.Apply(batch).status().code(), absl::StatusCode::kInternal);
}

TEST(ValueTableTest, ColumnsOfDifferentLengthsAreRefused) {
  ValueTable table;
  ValueBatch batch = Dictionary({"/a"});
  AddRun(batch, 0, 1);
  EXPECT_EQ(table.Apply(batch).status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(table.rows()[0].state, -1);
}

TEST(ValueTableTest, TextOutsideTheTextsIsEmpty) {
  ValueTable table;
  ValueBatch batch = Dictionary({"/a"});
  AddRun(batch, 0, 1);
  AddValue(batch, process_data::v1::TEXT, 5, 1);
  EXPECT_THAT(Lines(table.Apply(batch)), ElementsAre("/a="));
}

TEST(ValueTableTest, ChangeIsOneLine) {
  EXPECT_EQ(
      ChangeLine({.path = "/Process/PV/Level", .value = "23.5", .state = 1, .sampled_at = kNow}),
      "2023-11-14T22:13:20.000Z /Process/PV/Level 23.5 valid");
  EXPECT_EQ(ChangeLine({.path = "/a", .value = "x\ny", .state = 0, .sampled_at = kNow}),
            "2023-11-14T22:13:20.000Z /a \"x\\ny\" invalid");
  EXPECT_EQ(ChangeLine({.path = "/a", .value = "", .state = 2, .sampled_at = kNow}),
            "2023-11-14T22:13:20.000Z /a \"\" -");
}

TEST(TableLinesTest, RowsThatFitAreShown) {
  const std::vector<ValueRow> rows = {
      {.path = "/Process/PV/Level", .value = "23.5", .state = 2, .sampled_at = kNow},
      {.path = "/Process/X", .value = "", .state = -1}};
  EXPECT_THAT(TableLines(rows, "title", kNow + absl::Seconds(3), {.lines = 4, .columns = 80}),
              ElementsAre("title", "PATH               VALUE  STATE  AGE",
                          "/Process/PV/Level  23.5   -      3.0 s", "/Process/X                -"));
}

TEST(TableLinesTest, RowsThatDoNotFitAreCounted) {
  const std::vector<ValueRow> rows(10, ValueRow{.path = "/a", .value = "1"});
  const auto lines = TableLines(rows, "title", kNow, {.lines = 5, .columns = 80});
  EXPECT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines.back(), "and 8 more");
}

TEST(TableLinesTest, LongLinesAreCutByCharacters) {
  EXPECT_THAT(TableLines({}, "äöü", kNow, {.lines = 5, .columns = 2}), ElementsAre("äö", "PA"));
}

}  // namespace
}  // namespace fieldgate::commands
