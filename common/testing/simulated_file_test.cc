#include "common/testing/simulated_file.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate {
namespace {

using testing::Contains;
using testing::ElementsAre;

constexpr int kCuts = 500;
constexpr size_t kSector = SimulatedFile::kSector;

std::set<std::string> AfterPowerCuts(const SimulatedFile& file) {
  std::set<std::string> contents;
  for (int seed = 0; seed < kCuts; ++seed) {
    SeededChances chances(seed);
    contents.insert(file.AfterPowerCut(chances));
  }
  return contents;
}

TEST(SimulatedFileTest, AReaderSeesWhatWasWrittenZerosInHolesAndNoMoreThanThereIs) {
  SimulatedFile file;
  file.Write(4, "abc");
  char bytes[8] = {};
  EXPECT_EQ(file.Read(2, 8, bytes), 5);
  EXPECT_EQ(std::string(bytes, 5), std::string("\0\0abc", 5));
  EXPECT_EQ(file.Read(7, 8, bytes), 0);
  EXPECT_EQ(file.Read(100, 8, bytes), 0);
}

TEST(SimulatedFileTest, WhatWasSyncedIsThereAfterAnyPowerCut) {
  SimulatedFile file;
  file.Write(0, "abcdef");
  file.Truncate(3);
  file.Sync();
  EXPECT_THAT(AfterPowerCuts(file), ElementsAre("abc"));
}

TEST(SimulatedFileTest, AWriteIsTornBetweenSectorsOnly) {
  SimulatedFile file(std::string(3 * kSector, 'a'));
  file.Write(kSector / 2, std::string(2 * kSector, 'b'));
  std::set<std::string> kinds;
  for (const std::string& content : AfterPowerCuts(file)) {
    ASSERT_EQ(content.size(), 3 * kSector);
    // The part of the write in each sector is whole or absent.
    std::string kind;
    for (size_t sector = 0; sector < 3; ++sector) {
      const size_t begin = sector == 0 ? kSector / 2 : sector * kSector;
      const size_t end = sector == 2 ? 2 * kSector + kSector / 2 : (sector + 1) * kSector;
      ASSERT_EQ(content.substr(begin, end - begin), std::string(end - begin, content[begin]));
      kind += content[begin];
    }
    ASSERT_EQ(content.substr(0, kSector / 2), std::string(kSector / 2, 'a'));
    kinds.insert(kind);
  }
  EXPECT_EQ(kinds.size(), 8u) << "any subset of the sectors";
}

TEST(SimulatedFileTest, OfTwoWritesEitherOrBothAreThereInAnyOrder) {
  SimulatedFile file("a");
  file.Write(0, "b");
  file.Write(0, "c");
  EXPECT_THAT(AfterPowerCuts(file), ElementsAre("a", "b", "c"));
}

TEST(SimulatedFileTest, ATruncationComesBetweenWhatWasWrittenBeforeAndAfter) {
  SimulatedFile file("old");
  file.Truncate(0);
  file.Write(0, "n");
  EXPECT_THAT(AfterPowerCuts(file), ElementsAre("", "n", "nld", "old"));
}

TEST(SimulatedFileTest, WhatAFailedSyncLeftOutNoLaterOneBringsToTheDisk) {
  std::set<std::string> durable;
  for (int seed = 0; seed < kCuts; ++seed) {
    SeededChances chances(seed);
    SimulatedFile file("old");
    file.Write(0, "new");
    file.FailSync(chances);
    file.Sync();
    EXPECT_EQ(file.seen(), "new");
    durable.insert(file.AfterPowerCut(chances));
  }
  EXPECT_THAT(durable, ElementsAre("new", "old"));
}

TEST(SimulatedDirectoryTest, ASyncIsForOneDirectory) {
  SimulatedDirectory directory;
  directory.Link("/a/x", std::make_shared<SimulatedFile>());
  directory.Link("/b/x", std::make_shared<SimulatedFile>());
  directory.Sync("/a/y");
  std::set<size_t> sizes;
  for (int seed = 0; seed < kCuts; ++seed) {
    SeededChances chances(seed);
    const SimulatedDirectory::Entries entries = directory.AfterPowerCut(chances);
    EXPECT_EQ(entries.count("/a/x"), 1u);
    sizes.insert(entries.size());
  }
  EXPECT_THAT(sizes, ElementsAre(1, 2));
}

TEST(SimulatedDirectoryTest, ARenamingIsWholeOrAbsentAndReplacesItsTarget) {
  SimulatedDirectory directory;
  const auto file = std::make_shared<SimulatedFile>("new");
  directory.Link("/to", std::make_shared<SimulatedFile>("old"));
  directory.Link("/from", file);
  directory.Sync("/to");
  directory.Rename("/from", "/to");
  EXPECT_EQ(directory.Find("/from"), nullptr);
  EXPECT_EQ(directory.Find("/to"), file);
  std::set<size_t> sizes;
  for (int seed = 0; seed < kCuts; ++seed) {
    SeededChances chances(seed);
    const SimulatedDirectory::Entries entries = directory.AfterPowerCut(chances);
    EXPECT_EQ(entries.at("/to") == file, entries.size() == 1);
    sizes.insert(entries.size());
  }
  EXPECT_THAT(sizes, Contains(1));
  EXPECT_THAT(sizes, Contains(2));
}

}  // namespace
}  // namespace fieldgate
