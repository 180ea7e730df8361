// A disk that fails or is full at any call of our own code: the call says so,
// nothing is half done, and once the disk works again all goes on.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/testing/simulated_disk.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fault/stored.h"
#include "tests/fault/writer.h"

namespace fieldgate::fault {
namespace {

constexpr uint64_t kSteps = 10;
// Of each kind, spread over all that there are; others with another SEED.
constexpr int64_t kPlaces = 8;

std::string NameOf(const WriterKind& kind, const DiskFault& fault) {
  static constexpr const char* kNames[] = {"Open", "Create", "Read",   "Write",        "Truncate",
                                           "Sync", "Rename", "Remove", "SyncDirectory"};
  return absl::StrCat(kind.name, fault.lasting ? "LastingFrom" : "",
                      kNames[static_cast<int>(fault.call)], fault.full ? "Full" : "");
}

class IoFaultTest : public testing::TestWithParam<std::tuple<WriterKind, DiskFault>> {
 protected:
  static void SetUpTestSuite() {
    log::Configure("io_fault_test", log::Format::kText, log::Level::kError);
  }

  IoFaultTest() {
    if (const char* seed = std::getenv("SEED"); seed != nullptr) {
      EXPECT_TRUE(absl::SimpleAtoi(seed, &seed_)) << "SEED";
    }
    for (uint64_t i = 0; i < kSteps; ++i) seeds_.push_back(seed_ * 1000 + i);
  }

  const WriterKind& kind() const { return std::get<0>(GetParam()); }
  const DiskFault& fault() const { return std::get<1>(GetParam()); }

  std::string Stored(Writer& writer, SimulatedDisk& disk) const {
    const auto stored = ReadAll(writer, disk, kind().path);
    return stored.ok() ? *stored : stored.status().ToString();
  }

  static absl::Status Step(Writer& writer, uint64_t seed) {
    SeededChances chances(seed);
    return writer.Step(chances);
  }

  // All steps on a disk that works; `stored_` is what there is after each.
  void RunWhole(SimulatedDisk& disk) {
    const auto writer = kind().make();
    ASSERT_EQ(writer->Open(disk), absl::OkStatus());
    stored_ = {Stored(*writer, disk)};
    for (const uint64_t seed : seeds_) {
      ASSERT_EQ(Step(*writer, seed), absl::OkStatus());
      stored_.push_back(Stored(*writer, disk));
    }
  }

  // How often the call is made by the steps, without the reading of RunWhole.
  int64_t CallsOf(SimulatedDisk& disk) const {
    {
      const auto writer = kind().make();
      EXPECT_EQ(writer->Open(disk), absl::OkStatus());
      for (const uint64_t seed : seeds_) EXPECT_EQ(Step(*writer, seed), absl::OkStatus());
    }
    return disk.calls(fault().call);
  }

  void ExpectUnavailable(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(kind().path));
    ++failed_;
  }

  // The disk fails at one place and works again after the call that failed.
  void RunWithFault(SimulatedDisk& disk) {
    const auto writer = kind().make();
    if (const absl::Status opened = writer->Open(disk); !opened.ok()) {
      ExpectUnavailable(opened);
      disk.Heal();
      ASSERT_EQ(writer->Open(disk), absl::OkStatus());
    }
    for (size_t i = 0; i < seeds_.size(); ++i) {
      const absl::Status status = Step(*writer, seeds_[i]);
      if (status.ok()) continue;
      SCOPED_TRACE(absl::StrCat("step ", i + 1, ": ", status.ToString()));
      ExpectUnavailable(status);
      disk.Heal();
      const bool reopened = !writer->is_open();
      if (reopened) {
        ASSERT_EQ(writer->Open(disk), absl::OkStatus());
      }
      const std::string stored = Stored(*writer, disk);
      if (reopened && stored == stored_[i + 1]) continue;
      ASSERT_EQ(FirstDifference(stored, stored_[i]), "nothing") << "of a failed call is done";
      ASSERT_EQ(Step(*writer, seeds_[i]), absl::OkStatus()) << "the disk works again";
    }
    disk.Heal();
    EXPECT_EQ(FirstDifference(Stored(*writer, disk), stored_.back()), "nothing");
  }

  // Nothing of what was acknowledged around the fault is lost with the power.
  void ExpectAllSurvivesPowerCuts(const SimulatedDisk& disk) {
    for (const uint64_t seed : {1, 2}) {
      const auto image = disk.Image(seed);
      const auto writer = kind().make();
      ASSERT_EQ(writer->Open(*image), absl::OkStatus());
      EXPECT_EQ(FirstDifference(Stored(*writer, *image), stored_.back()), "nothing");
    }
  }

  uint64_t seed_ = 7;
  std::vector<uint64_t> seeds_;
  std::vector<std::string> stored_;
  int failed_ = 0;  // calls
};

TEST_P(IoFaultTest, TheCallFailsNothingIsHalfDoneAndAllGoesOn) {
  const SimulatedDisk blank;
  ASSERT_NO_FATAL_FAILURE(RunWhole(*blank.Image(0)));
  const int64_t calls = CallsOf(*blank.Image(0));
  const int64_t places = std::min(calls, kPlaces);
  for (int64_t place = 0; place < places; ++place) {
    DiskFault fault = this->fault();
    fault.nth = 1 + (place * calls / places + static_cast<int64_t>(seed_)) % calls;
    SCOPED_TRACE(absl::StrCat("call ", fault.nth, " of ", calls));
    const auto disk = blank.Image(0);
    disk->Inject(fault);
    ASSERT_NO_FATAL_FAILURE(RunWithFault(*disk));
    ASSERT_NO_FATAL_FAILURE(ExpectAllSurvivesPowerCuts(*disk));
  }
  // Where a failure is seen at all, it is told.
  if (fault().call == DiskCall::kWrite || fault().call == DiskCall::kSync) {
    EXPECT_GT(failed_, places / 3);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Faults, IoFaultTest,
    testing::Combine(
        testing::ValuesIn(WriterKinds()),
        testing::Values(DiskFault{.call = DiskCall::kOpen}, DiskFault{.call = DiskCall::kCreate},
                        DiskFault{.call = DiskCall::kRead}, DiskFault{.call = DiskCall::kWrite},
                        DiskFault{.call = DiskCall::kWrite, .full = true},
                        DiskFault{.call = DiskCall::kWrite, .lasting = true},
                        DiskFault{.call = DiskCall::kTruncate}, DiskFault{.call = DiskCall::kSync},
                        DiskFault{.call = DiskCall::kSync, .lasting = true},
                        DiskFault{.call = DiskCall::kRemove},
                        DiskFault{.call = DiskCall::kSyncDirectory})),
    [](const auto& info) { return NameOf(std::get<0>(info.param), std::get<1>(info.param)); });

// On a disk that fills up at any size and gets room again.
class FullDiskTest : public IoFaultTest {};

TEST_P(FullDiskTest, TheCallFailsNothingIsHalfDoneAndWithRoomAllGoesOn) {
  const SimulatedDisk blank;
  ASSERT_NO_FATAL_FAILURE(RunWhole(*blank.Image(0)));
  for (int64_t room = 0; room < 600'000; room += room < 50'000 ? 6'000 : 70'000) {
    SCOPED_TRACE(absl::StrCat("room for ", room));
    const auto disk = blank.Image(0);
    disk->SetCapacity(room);
    const auto writer = kind().make();
    if (const absl::Status opened = writer->Open(*disk); !opened.ok()) {
      ExpectUnavailable(opened);
      disk->SetCapacity(std::nullopt);
      ASSERT_EQ(writer->Open(*disk), absl::OkStatus());
    }
    for (size_t i = 0; i < seeds_.size(); ++i) {
      const absl::Status status = Step(*writer, seeds_[i]);
      if (status.ok()) continue;
      SCOPED_TRACE(absl::StrCat("step ", i + 1, ": ", status.ToString()));
      ExpectUnavailable(status);
      if (writer->is_open()) {
        ASSERT_EQ(FirstDifference(Stored(*writer, *disk), stored_[i]), "nothing")
            << "of a failed call is done, and what there is can be read on a full disk";
      }
      disk->SetCapacity(std::nullopt);
      const bool reopened = !writer->is_open();
      if (reopened) {
        ASSERT_EQ(writer->Open(*disk), absl::OkStatus());
        if (Stored(*writer, *disk) == stored_[i + 1]) continue;
      }
      ASSERT_EQ(Step(*writer, seeds_[i]), absl::OkStatus()) << "there is room again";
    }
    EXPECT_EQ(FirstDifference(Stored(*writer, *disk), stored_.back()), "nothing");
    ASSERT_NO_FATAL_FAILURE(ExpectAllSurvivesPowerCuts(*disk));
  }
  EXPECT_GT(failed_, 0);
}

INSTANTIATE_TEST_SUITE_P(Writers, FullDiskTest,
                         testing::Combine(testing::ValuesIn(WriterKinds()),
                                          testing::Values(DiskFault{})),
                         [](const auto& info) { return std::get<0>(info.param).name; });

}  // namespace
}  // namespace fieldgate::fault
