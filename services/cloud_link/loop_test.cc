#include "services/cloud_link/loop.h"

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

constexpr absl::Duration kLong = absl::Seconds(30);

TEST(LoopTest, RunsTasksInTheOrderOfPosting) {
  Loop loop;
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) loop.Post([&order, i] { order.push_back(i); });
  loop.Post([&loop] { loop.Stop(); });
  loop.Run([] { return MonotonicTime::Never(); });
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(LoopTest, SettlesAfterTasksAndAtItsDeadline) {
  Loop loop;
  int settled = 0;
  loop.Run([&] {
    // The first is the start; the later ones come since their time has come.
    if (++settled == 3) loop.Stop();
    return RealClock().Now() + absl::Milliseconds(1);
  });
  EXPECT_EQ(settled, 3);
}

TEST(LoopTest, APostWakesTheWaitingLoop) {
  Loop loop;
  absl::Notification ran;
  std::thread thread([&loop] { loop.Run([] { return MonotonicTime::Never(); }); });
  loop.Post([&ran] { ran.Notify(); });
  EXPECT_TRUE(ran.WaitForNotificationWithTimeout(kLong));
  loop.Stop();
  thread.join();
}

TEST(LoopTest, AfterStopNothingRuns) {
  Loop loop;
  loop.Stop();
  bool ran = false;
  loop.Post([&ran] { ran = true; });
  loop.Run([] { return MonotonicTime::Never(); });
  EXPECT_FALSE(ran);
}

TEST(WorkerTest, TakesNoMoreThanItsCapacity) {
  absl::Notification busy, go;
  Worker worker(2);
  ASSERT_TRUE(worker.Post([&] {
    busy.Notify();
    go.WaitForNotification();
  }));
  ASSERT_TRUE(busy.WaitForNotificationWithTimeout(kLong));
  absl::Notification last;
  EXPECT_TRUE(worker.Post([] {}));
  EXPECT_TRUE(worker.Post([&last] { last.Notify(); }));
  EXPECT_FALSE(worker.Post([] {}));
  go.Notify();
  EXPECT_TRUE(last.WaitForNotificationWithTimeout(kLong));
}

}  // namespace
}  // namespace fieldgate::cloud_link
