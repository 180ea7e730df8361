#include "services/process_data/subscription.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "services/process_data/process_image.h"
#include "services/process_data/report.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kNoTime = absl::ZeroDuration();
// Ends a failing test; nothing takes this long.
constexpr absl::Duration kPatience = absl::Seconds(30);

absl::Time At(int64_t us) { return absl::FromUnixMicros(us); }

DeviceLayout Device(const std::string& path, const std::vector<std::string>& points) {
  DeviceLayout layout{path, {}};
  for (const std::string& point : points) layout.points.push_back({point, 1});
  return layout;
}

class SubscriptionTest : public testing::Test {
 protected:
  void Poll(const DeviceHandle& device, const std::vector<Sample>& samples, int64_t at_us) {
    image_.CommitPoll(device, {.answered = true,
                               .samples = samples,
                               .texts = std::vector<std::string>(samples.size(), "text"),
                               .sampled_at = At(at_us)});
  }
  void Fail(const DeviceHandle& device, int64_t at_us) {
    image_.CommitPoll(device, {.answered = false, .sampled_at = At(at_us)});
  }
  std::unique_ptr<Subscription> To(std::vector<std::string> paths, bool subtree = false) {
    return *image_.Subscribe(std::move(paths), subtree);
  }
  // "index: kind state value" of each value, with the run's time before its
  // first.
  std::vector<std::string> Next(Subscription& subscription) {
    Batch batch;
    std::vector<std::string> lines;
    if (!subscription.Next(kNoTime, batch)) return lines;
    if (batch.has_dictionary) {
      lines.push_back("dictionary");
      for (size_t i = 0; i < batch.paths.size(); ++i) {
        lines.push_back(absl::StrCat(batch.paths[i], " ", static_cast<int>(batch.origins[i])));
      }
    }
    size_t value = 0;
    for (const Batch::Run& run : batch.runs) {
      lines.push_back(absl::StrCat("@", run.sampled_at_us));
      for (uint32_t i = 0; i < run.count; ++i, ++value) {
        lines.push_back(absl::StrCat(run.first + i, ": ", static_cast<int>(batch.kinds[value]), " ",
                                     static_cast<int>(batch.states[value]), " ",
                                     batch.bits[value]));
      }
    }
    EXPECT_THAT(batch.bits, SizeIs(value));
    return lines;
  }

  ProcessImage image_{At(1)};
};

TEST_F(SubscriptionTest, TheFirstBatchHasDictionaryAndAllPoints) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P", "Q"})}, At(2));
  Poll(devices[0], {Sample::Uint(7), Sample::Int(8)}, 10);
  const auto subscription =
      To({"Process/B/D/Q", "/Process/Nothing", "/Process/B/D/P", "/Process/Program/Mode/"});
  EXPECT_THAT(Next(*subscription),
              ElementsAre("dictionary", "/Process/B/D/Q 1", "/Process/Nothing 0",
                          "/Process/B/D/P 1", "/Process/Program/Mode 2", "@10", "0: 2 1 8", "@0",
                          "1: 0 0 0", "@10", "2: 3 1 7", "@1", "3: 5 2 0"));
  EXPECT_THAT(Next(*subscription), IsEmpty());
}

TEST_F(SubscriptionTest, APollIsOneRunInOneBatch) {
  const auto devices = image_.ConfigureDevices(
      {Device("/Process/B/D", {"P", "Q"}), Device("/Process/B/E", {"R"})}, At(2));
  const auto subscription = To({"/Process/B"}, /*subtree=*/true);
  Next(*subscription);
  Poll(devices[0], {Sample::Uint(7), Sample::Uint(8)}, 10);
  EXPECT_THAT(Next(*subscription),
              ElementsAre("@10", "0: 4 2 1", "1: 4 2 1", "2: 3 1 7", "3: 3 1 8"));
  Poll(devices[1], {Sample::Uint(9)}, 11);
  EXPECT_THAT(Next(*subscription), ElementsAre("@11", "4: 4 2 1", "5: 4 2 1", "6: 3 1 9"));
}

TEST_F(SubscriptionTest, AnUnchangedValueIsAnUpdateAllTheSame) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, At(2));
  const auto subscription = To({"/Process/B/D/P"});
  Poll(devices[0], {Sample::Uint(7)}, 10);
  Next(*subscription);
  Poll(devices[0], {Sample::Uint(7)}, 20);
  EXPECT_THAT(Next(*subscription), ElementsAre("@20", "0: 3 1 7"));
}

TEST_F(SubscriptionTest, ASlowReaderGetsTheLastValueOfEachPoint) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P", "Q"})}, At(2));
  const auto subscription = To({"/Process/B/D/P", "/Process/B/D/Q"});
  Next(*subscription);
  for (uint64_t i = 0; i < 1000; ++i) Poll(devices[0], {Sample::Uint(i), Sample()}, 10);
  EXPECT_THAT(Next(*subscription), ElementsAre("@10", "0: 3 1 999"));
}

TEST_F(SubscriptionTest, AFailingDeviceIsReportedOnceWithTheTimeOfTheFailure) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P", "Never"})}, At(2));
  Poll(devices[0], {Sample::Uint(7), Sample()}, 10);
  const auto subscription =
      To({"/Process/B/D/DeviceState", "/Process/B/D/P", "/Process/B/D/Never"});
  Next(*subscription);
  Fail(devices[0], 20);
  EXPECT_THAT(Next(*subscription), ElementsAre("@20", "0: 4 2 0", "1: 3 0 7"));
  Fail(devices[0], 30);
  EXPECT_THAT(Next(*subscription), IsEmpty());
  Poll(devices[0], {Sample::Uint(7), Sample()}, 40);
  EXPECT_THAT(Next(*subscription), ElementsAre("@40", "0: 4 2 1", "1: 3 1 7"));
}

TEST_F(SubscriptionTest, APointOfAFailedBlockBecomesInvalidAlone) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P", "Q"})}, At(2));
  Poll(devices[0], {Sample::Uint(7), Sample::Uint(8)}, 10);
  const auto subscription = To({"/Process/B/D/P", "/Process/B/D/Q"});
  Next(*subscription);
  Poll(devices[0], {Sample::Uint(9), Sample()}, 20);
  EXPECT_THAT(Next(*subscription), ElementsAre("@20", "0: 3 1 9", "1: 3 0 8"));
}

TEST_F(SubscriptionTest, TextsStandBesideTheirIndexes) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P", "Q"})}, At(2));
  Poll(devices[0], {Sample::Text(), Sample::Text()}, 10);
  const auto subscription = To({"/Process/B/D/P", "/Process/B/D/Q"});
  Batch batch;
  ASSERT_TRUE(subscription->Next(kNoTime, batch));
  EXPECT_THAT(batch.bits, ElementsAre(0, 1));
  EXPECT_THAT(batch.texts, ElementsAre("text", "text"));
}

TEST_F(SubscriptionTest, APathMayBeAskedForTwice) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, At(2));
  const auto subscription = To({"/Process/B/D/P", "/Process/B/D/P"});
  Next(*subscription);
  Poll(devices[0], {Sample::Uint(7)}, 10);
  EXPECT_THAT(Next(*subscription), ElementsAre("@10", "0: 3 1 7", "1: 3 1 7"));
}

TEST_F(SubscriptionTest, APathThatVanishesBecomesUnknownAndComesBack) {
  auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, At(2));
  Poll(devices[0], {Sample::Uint(7)}, 10);
  const auto subscription = To({"/Process/B/D/P"});
  Next(*subscription);
  image_.ConfigureDevices({}, At(3));
  EXPECT_THAT(Next(*subscription), ElementsAre("dictionary", "/Process/B/D/P 0", "@0", "0: 0 0 0"));
  devices = image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, At(4));
  EXPECT_THAT(Next(*subscription), ElementsAre("dictionary", "/Process/B/D/P 1", "@0", "0: 0 0 0"));
  Poll(devices[0], {Sample::Uint(8)}, 20);
  EXPECT_THAT(Next(*subscription), ElementsAre("@20", "0: 3 1 8"));
}

TEST_F(SubscriptionTest, ASubtreeGetsANewDictionaryWhenPointsCome) {
  const auto subscription = To({"/Process/PV"}, true);
  EXPECT_THAT(Next(*subscription), ElementsAre("dictionary"));
  image_.ConfigureVariables({{"V", Value(true)}}, At(3));
  EXPECT_THAT(Next(*subscription), ElementsAre("dictionary", "/Process/PV/V 2", "@3", "0: 4 2 1"));
}

TEST_F(SubscriptionTest, AChangeElsewhereIsNoBatch) {
  image_.ConfigureVariables({{"V", Value(true)}}, At(3));
  const auto exact = To({"/Process/PV/V"});
  const auto subtree = To({"/Process/PV"}, true);
  Next(*exact);
  Next(*subtree);
  const auto report = image_.OpenReport();
  ASSERT_TRUE(report->Update({}, {{"/Process/CloudConn/A", "1"}}, At(4)).ok());
  image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, At(5));
  EXPECT_THAT(Next(*exact), IsEmpty());
  EXPECT_THAT(Next(*subtree), IsEmpty());
}

TEST_F(SubscriptionTest, ADeviceThatIsChangedGoesOnInTheStream) {
  auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, At(2));
  Poll(devices[0], {Sample::Uint(7)}, 10);
  const auto subscription = To({"/Process/B/D/P"});
  Next(*subscription);
  devices = image_.ConfigureDevices({Device("/Process/B/D", {"New", "P"})}, At(3));
  EXPECT_THAT(Next(*subscription), IsEmpty());
  Poll(devices[0], {Sample::Uint(1), Sample::Uint(8)}, 20);
  EXPECT_THAT(Next(*subscription), ElementsAre("@20", "0: 3 1 8"));
}

TEST_F(SubscriptionTest, AReportMayLoseAPointBeforeOneThatIsSubscribed) {
  const auto report = image_.OpenReport();
  ASSERT_TRUE(report->Update({}, {{"/Process/C/A", "1"}, {"/Process/C/B", "2"}}, At(4)).ok());
  const auto subscription = To({"/Process/C/B"});
  Next(*subscription);
  ASSERT_TRUE(report->Update({"/Process/C/A"}, {}, At(5)).ok());
  EXPECT_THAT(Next(*subscription), IsEmpty());
  ASSERT_TRUE(report->Update({}, {{"/Process/C/B", "3"}}, At(6)).ok());
  EXPECT_THAT(Next(*subscription), ElementsAre("@6", "0: 2 2 3"));
}

TEST_F(SubscriptionTest, LimitsAreKept) {
  EXPECT_EQ(image_.Subscribe({}, false).status().code(), absl::StatusCode::kInvalidArgument);
  std::vector<std::string> paths(ProcessImage::kMaxSubscribedPaths, "/Process/X");
  EXPECT_TRUE(image_.Subscribe(paths, false).ok());
  paths.emplace_back("/Process/X");
  EXPECT_EQ(image_.Subscribe(paths, false).status().code(), absl::StatusCode::kInvalidArgument);
  std::vector<std::unique_ptr<Subscription>> all;
  for (size_t i = 0; i < ProcessImage::kMaxSubscriptions; ++i) all.push_back(To({"/Process/X"}));
  EXPECT_EQ(image_.Subscribe({"/Process/X"}, false).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(SubscriptionTest, AWaitingReaderIsWoken) {
  const auto devices = image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, At(2));
  const auto subscription = To({"/Process/B/D/P"});
  Next(*subscription);
  std::thread writer([&] { Poll(devices[0], {Sample::Uint(7)}, 10); });
  Batch batch;
  EXPECT_TRUE(subscription->Next(kPatience, batch));
  writer.join();
  EXPECT_THAT(batch.bits, ElementsAre(7));
}

// Writers, a reconfiguration and a report at once: a reader never sees a part
// of a poll, nor a value older than one that it had.
TEST_F(SubscriptionTest, AReaderSeesWholePollsInTheirOrder) {
  const std::vector<std::string> points = {"P", "Q", "R"};
  const DeviceLayout fixed = Device("/Process/B/D", points);
  const auto devices = image_.ConfigureDevices({fixed}, At(2));
  constexpr uint64_t kPolls = 20'000;
  std::atomic<bool> done = false;
  std::thread poller([&] {
    for (uint64_t i = 1; i <= kPolls; ++i) {
      Poll(devices[0], std::vector<Sample>(points.size(), Sample::Uint(i)),
           static_cast<int64_t>(i));
    }
    done = true;
  });
  std::thread changer([&] {
    while (!done) {
      image_.ConfigureDevices({Device("/Process/A/X", {"P"}), fixed}, At(3));
      const auto report = image_.OpenReport();
      EXPECT_TRUE(report->Update({}, {{"/Process/C/A", "1"}}, At(4)).ok());
      image_.ConfigureDevices({fixed}, At(3));
    }
  });
  const auto subscription = To({"/Process/B/D/P", "/Process/B/D/Q", "/Process/B/D/R"});
  Batch batch;
  uint64_t last = 0;
  while (last < kPolls && subscription->Next(kPatience, batch)) {
    if (batch.kinds[0] == 0) continue;
    ASSERT_THAT(batch.runs, SizeIs(1));
    ASSERT_THAT(batch.bits, ElementsAre(batch.bits[0], batch.bits[0], batch.bits[0]));
    ASSERT_GE(batch.bits[0], last);
    ASSERT_EQ(batch.runs[0].sampled_at_us, static_cast<int64_t>(batch.bits[0]));
    last = batch.bits[0];
  }
  EXPECT_EQ(last, kPolls);
  poller.join();
  changer.join();
}

TEST_F(SubscriptionTest, AFollowerIsNeitherBoundedNorCounted) {
  std::vector<std::string> paths;
  for (size_t i = 0; i <= ProcessImage::kMaxSubscribedPaths; ++i) {
    paths.push_back(absl::StrCat("/Process/B/D/", i));
  }
  std::vector<std::unique_ptr<Subscription>> followers;
  for (size_t i = 0; i <= ProcessImage::kMaxSubscriptions; ++i) {
    followers.push_back(image_.Follow(paths));
  }
  EXPECT_TRUE(image_.Subscribe({"/Process/B/D/0"}, false).ok());
  const DeviceHandle device = image_.ConfigureDevices({Device("/Process/B/D", {"7"})}, At(1))[0];
  Poll(device, {Sample::Int(1)}, 2);
  Batch batch;
  ASSERT_TRUE(followers[3]->Next(kNoTime, batch));
  EXPECT_EQ(batch.bits[7], 1u);
}

TEST_F(SubscriptionTest, AnInterruptEndsTheWaitOnce) {
  const auto follower = image_.Follow({"/Process/B/D/P"});
  Batch batch;
  ASSERT_TRUE(follower->Next(kNoTime, batch));
  std::thread other([&follower] { follower->Interrupt(); });
  EXPECT_FALSE(follower->Next(kPatience, batch));
  other.join();
  const DeviceHandle device = image_.ConfigureDevices({Device("/Process/B/D", {"P"})}, At(1))[0];
  EXPECT_TRUE(follower->Next(kPatience, batch)) << "it goes on";
}

TEST_F(SubscriptionTest, AnInterruptBeforeTheWaitIsNotLost) {
  const auto follower = image_.Follow({"/Process/B/D/P"});
  Batch batch;
  ASSERT_TRUE(follower->Next(kNoTime, batch));
  follower->Interrupt();
  EXPECT_FALSE(follower->Next(kPatience, batch));
}

}  // namespace
}  // namespace fieldgate::process_data
