// Layouts and columns as they lie on the disk.
#include <limits>
#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cloud_link/payload/data_layout.h"
#include "services/cloud_link/payload/test_connector.h"

namespace fieldgate::cloud_link {
namespace {

using testing::StartsWith;

// Every kind of value, plain and gps, two controllers.
Connector Mixed() {
  Connector connector = ConnectorWith(config_store::v1::TIXML);
  connector.set_gps_as_lng_attribute(true);
  for (int i = 0; i < 8; ++i) {
    AddPoint(connector, absl::StrCat("S", i), absl::StrCat("/C", i % 2, "/S", i),
             {{"type", i == 3   ? "switch"
                       : i == 4 ? "custom"
                                : "light"}});
  }
  AddGps(connector, "G", "/GNSS/Latitude", "/GNSS/Longitude");
  return connector;
}

std::vector<Sample> MixedSamples() {
  return {Of(1.5),
          Of(int64_t{-7}, 0),
          Of(~uint64_t{0}, 2),
          Of(true),
          OfText("text & more"),
          Sample(),
          Of(23.0),
          Of(std::numeric_limits<int64_t>::min()),
          OfText("52", 2),
          OfText("13", 2)};
}

std::string Body(const DataLayout& layout, const std::string& columns) {
  std::string body;
  const absl::Status s = layout.AppendBody(columns, kMessageId, kTimestamp, body);
  EXPECT_TRUE(s.ok()) << s;
  return body;
}

TEST(LayoutStorageTest, AStoredLayoutGivesTheSameBytes) {
  for (const auto format :
       {config_store::v1::TIXML, config_store::v1::XML, config_store::v1::JSON}) {
    Connector connector = Mixed();
    connector.set_format(format);
    const DataLayout layout = *DataLayout::Create(connector);
    const std::string bytes = layout.Serialize();
    const absl::StatusOr<DataLayout> parsed = DataLayout::Parse(bytes);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->Serialize(), bytes);
    const std::string columns = PackColumns(0, 10, MixedSamples());
    EXPECT_EQ(Body(*parsed, columns), Body(layout, columns));
  }
}

TEST(LayoutStorageTest, ADamagedLayoutIsRefused) {
  const std::string bytes = DataLayout::Create(Mixed())->Serialize();
  EXPECT_FALSE(DataLayout::Parse("").ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DataLayout::Parse(bytes.substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss);
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(DataLayout::Parse(damaged).ok()) << i;
  }
  EXPECT_FALSE(DataLayout::Parse(bytes + "x").ok());
}

TEST(ColumnsTest, ARangeAndTheSameListGiveTheSameBody) {
  const DataLayout layout = *DataLayout::Create(Mixed());
  const std::vector<Sample> samples = MixedSamples();
  EXPECT_EQ(Body(layout, PackColumns(0, 10, samples)),
            Body(layout, PackColumns({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, samples)));
  EXPECT_EQ(Body(layout, PackColumns(2, 3, samples)),
            Body(layout, PackColumns({2, 3, 4}, samples)));
}

TEST(ColumnsTest, SamplesMayBeginAtALaterChannel) {
  const std::vector<Sample> samples = MixedSamples();
  const std::vector<Sample> from_four(samples.begin() + 4, samples.end());
  EXPECT_EQ(PackColumns({4, 6, 7}, from_four, 4), PackColumns({4, 6, 7}, samples));
}

TEST(ColumnsTest, AreASmallPartOfTheBody) {
  Connector connector = ConnectorWith(config_store::v1::TIXML);
  std::vector<Sample> samples;
  for (int i = 0; i < 1000; ++i) {
    AddPoint(connector, absl::StrCat("DP", i), absl::StrCat("/Process/Bus1/D", i / 50, "/DP", i));
    samples.push_back(Of(static_cast<int64_t>(i)));
  }
  const std::string columns = PackColumns(0, 1000, samples);
  EXPECT_LT(columns.size(), 2100u);
  EXPECT_LT(7 * columns.size(), Body(*DataLayout::Create(connector), columns).size());
}

TEST(ColumnsTest, DoublesThatAreIntegersAreStoredAsSuch) {
  EXPECT_EQ(PackColumns(0, 1, {Of(23.0)}), PackColumns(0, 1, {Of(int64_t{23})}));
  EXPECT_EQ(PackColumns(0, 1, {Of(-0.0)}), PackColumns(0, 1, {Of(int64_t{0})}));
  EXPECT_NE(PackColumns(0, 1, {Of(1e15)}), PackColumns(0, 1, {Of(int64_t{1'000'000'000'000'000})}));
}

TEST(ColumnsTest, ForMoreChannelsThanTheLayoutHasAreRefused) {
  Connector connector = ConnectorWith(config_store::v1::JSON);
  AddPoint(connector, "A", "/C/A");
  std::string body;
  const std::vector<Sample> samples(2, Of(1.5));
  EXPECT_EQ(
      DataLayout::Create(connector)->AppendBody(PackColumns(0, 2, samples), 1, 1, body).code(),
      absl::StatusCode::kDataLoss);
  EXPECT_EQ(
      DataLayout::Create(connector)->AppendBody(PackColumns(1, 1, samples), 1, 1, body).code(),
      absl::StatusCode::kDataLoss);
}

TEST(ColumnsTest, CutColumnsAreRefusedAndTheOutputStaysAsItWas) {
  const DataLayout layout = *DataLayout::Create(Mixed());
  const std::string columns = PackColumns(0, 10, MixedSamples());
  std::string body = "before";
  for (size_t size = 0; size < columns.size(); ++size) {
    EXPECT_EQ(layout.AppendBody(columns.substr(0, size), 1, 1, body).code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
  EXPECT_EQ(layout.AppendBody(columns + "x", 1, 1, body).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(body, "before");
}

TEST(ColumnsTest, GarbageNeverDoesHarm) {
  const DataLayout layout = *DataLayout::Create(Mixed());
  const std::string columns = PackColumns(0, 10, MixedSamples());
  std::minstd_rand random(5);
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string garbage = columns;
    for (size_t n = 1 + random() % 4; n > 0; --n) {
      garbage[random() % garbage.size()] = static_cast<char>(random());
    }
    if (round % 2 == 0) garbage.resize(random() % (garbage.size() + 1));
    std::string body = "before";
    const absl::Status s = layout.AppendBody(garbage, 1, 1, body);
    EXPECT_THAT(body, StartsWith("before"));
    if (s.ok()) continue;
    ++refused;
    EXPECT_EQ(s.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(body, "before");
  }
  EXPECT_GT(refused, 10'000);
}

}  // namespace
}  // namespace fieldgate::cloud_link
