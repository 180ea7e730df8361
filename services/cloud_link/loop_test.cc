#include "services/cloud_link/loop.h"

#include <chrono>
#include <future>
#include <thread>

#include "common/time/threads.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

constexpr std::chrono::seconds kLong(30);

TEST(LoopTest, RunsTasksInTheOrderOfPosting) {
  Loop loop(RealThreads());
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) loop.Post([&order, i] { order.push_back(i); });
  loop.Post([&loop] { loop.Stop(); });
  loop.Run([] { return MonotonicTime::Never(); });
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(LoopTest, SettlesAfterTasksAndAtItsDeadline) {
  Loop loop(RealThreads());
  int settled = 0;
  loop.Run([&] {
    // The first is the start; the later ones come since their time has come.
    if (++settled == 3) loop.Stop();
    return RealClock().Now() + absl::Milliseconds(1);
  });
  EXPECT_EQ(settled, 3);
}

TEST(LoopTest, APostWakesTheWaitingLoop) {
  Loop loop(RealThreads());
  std::promise<void> ran;
  std::thread thread([&loop] { loop.Run([] { return MonotonicTime::Never(); }); });
  loop.Post([&ran] { ran.set_value(); });
  EXPECT_EQ(ran.get_future().wait_for(kLong), std::future_status::ready);
  loop.Stop();
  thread.join();
}

TEST(LoopTest, AfterStopNothingRuns) {
  Loop loop(RealThreads());
  loop.Stop();
  bool ran = false;
  loop.Post([&ran] { ran = true; });
  loop.Run([] { return MonotonicTime::Never(); });
  EXPECT_FALSE(ran);
}

TEST(WorkerTest, TakesNoMoreThanItsCapacity) {
  std::promise<void> busy, go, last;
  Worker worker(2, RealThreads());
  ASSERT_TRUE(worker.Post([&] {
    busy.set_value();
    go.get_future().wait();
  }));
  ASSERT_EQ(busy.get_future().wait_for(kLong), std::future_status::ready);
  EXPECT_TRUE(worker.Post([] {}));
  EXPECT_TRUE(worker.Post([&last] { last.set_value(); }));
  EXPECT_FALSE(worker.Post([] {}));
  go.set_value();
  EXPECT_EQ(last.get_future().wait_for(kLong), std::future_status::ready);
}

}  // namespace
}  // namespace fieldgate::cloud_link
