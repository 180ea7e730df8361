// CL-157: what is due while the disk fails waits in memory, within a bound.
#include "services/cloud_link/outbox/unstored_data.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kQuarter = UnstoredData::kMaxBytes / 4 - 64;

OutboxEntry Entry(int64_t timestamp, size_t bytes = kQuarter) {
  OutboxEntry entry;
  entry.timestamp = timestamp;
  entry.content = std::string(bytes, 'x');
  return entry;
}

std::vector<int64_t> Timestamps(const UnstoredData& data) {
  std::vector<int64_t> timestamps;
  for (const UnstoredData::Item& item : data.items()) timestamps.push_back(item.entry.timestamp);
  return timestamps;
}

TEST(UnstoredDataTest, WhatFitsIsKeptInOrder) {
  UnstoredData data;
  for (const int64_t t : {1, 2, 3, 4}) data.Push(Entry(t));
  data.Trim(FullPolicy::kDropOldest);
  EXPECT_THAT(Timestamps(data), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(data.losses(), IsEmpty());
}

TEST(UnstoredDataTest, TheOldestGiveWayAndAreOneLoss) {
  UnstoredData data;
  for (const int64_t t : {1, 2, 3, 4, 5, 6}) {
    data.Push(Entry(t));
    data.Trim(FullPolicy::kDropOldest);
  }
  EXPECT_THAT(Timestamps(data), ElementsAre(3, 4, 5, 6));
  ASSERT_EQ(data.losses().size(), 1u);
  EXPECT_EQ(data.losses()[0].count, 2);
  EXPECT_EQ(data.losses()[0].first_message_id, 0);
  EXPECT_EQ(data.losses()[0].first_timestamp, 1);
  EXPECT_EQ(data.losses()[0].last_timestamp, 2);
  EXPECT_EQ(data.losses()[0].reason, "disk failed: oldest dropped");
}

TEST(UnstoredDataTest, OrTheNewestAsThePolicySays) {
  UnstoredData data;
  for (const int64_t t : {1, 2, 3, 4, 5, 6}) {
    data.Push(Entry(t));
    data.Trim(FullPolicy::kDropNewest);
  }
  EXPECT_THAT(Timestamps(data), ElementsAre(1, 2, 3, 4));
  ASSERT_EQ(data.losses().size(), 1u);
  EXPECT_EQ(data.losses()[0].first_timestamp, 5);
  EXPECT_EQ(data.losses()[0].reason, "disk failed: newest dropped");
}

TEST(UnstoredDataTest, OneMessageIsAlwaysKept) {
  UnstoredData data;
  data.Push(Entry(1, UnstoredData::kMaxBytes));
  data.Trim(FullPolicy::kDropOldest);
  EXPECT_THAT(Timestamps(data), ElementsAre(1));
  data.Push(Entry(2, UnstoredData::kMaxBytes));
  data.Trim(FullPolicy::kDropOldest);
  EXPECT_THAT(Timestamps(data), ElementsAre(2));
}

TEST(UnstoredDataTest, WhatWaitsKeepsItsLayout) {
  UnstoredData data;
  data.Push(Entry(1));
  data.KeepLayout("a");
  data.Push(Entry(2));
  data.KeepLayout("b");
  data.Push(Entry(3));
  EXPECT_EQ(*data.items()[0].layout, "a");
  EXPECT_EQ(*data.items()[1].layout, "b");
  EXPECT_EQ(data.items()[2].layout, nullptr);
}

TEST(UnstoredDataTest, ClearForgetsItsBytesAndLosses) {
  UnstoredData data;
  for (const int64_t t : {1, 2, 3, 4, 5}) data.Push(Entry(t));
  data.Trim(FullPolicy::kDropOldest);
  data.Clear();
  EXPECT_TRUE(data.empty());
  for (const int64_t t : {6, 7, 8, 9}) data.Push(Entry(t));
  data.Trim(FullPolicy::kDropOldest);
  EXPECT_THAT(Timestamps(data), ElementsAre(6, 7, 8, 9));
}

}  // namespace
}  // namespace fieldgate::cloud_link
