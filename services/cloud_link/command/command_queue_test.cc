#include "services/cloud_link/command/command_queue.h"

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/time/threads.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using testing::ElementsAre;

constexpr std::chrono::seconds kDeadline(20);
constexpr bool kReads = true;
constexpr bool kWrites = false;

class CommandQueueTest : public testing::Test {
 protected:
  // A task that notes its name.
  CommandQueue::Task Note(std::string name) {
    return [this, name] {
      const std::lock_guard lock(mutex_);
      done_.push_back(name);
    };
  }

  // A task that lasts until the returned promise is set.
  static CommandQueue::Task Long(const std::shared_ptr<std::promise<void>>& end,
                                 const std::shared_ptr<std::promise<void>>& begun) {
    return [end, begun] {
      begun->set_value();
      end->get_future().wait_for(kDeadline);
    };
  }

  // False: `promise` was not set in time.
  static bool Await(std::promise<void>& promise) {
    return promise.get_future().wait_for(kDeadline) == std::future_status::ready;
  }

  // Returns what was done once everything before has been.
  std::vector<std::string> Finish(CommandQueue& queue) {
    std::promise<void> last;
    EXPECT_TRUE(queue.Post(kWrites, [&] { last.set_value(); }));
    EXPECT_TRUE(Await(last));
    const std::lock_guard lock(mutex_);
    return done_;
  }

  std::shared_ptr<std::promise<void>> end_ = std::make_shared<std::promise<void>>();
  std::shared_ptr<std::promise<void>> begun_ = std::make_shared<std::promise<void>>();
  std::mutex mutex_;
  std::vector<std::string> done_;
};

TEST_F(CommandQueueTest, RunsInTheOrderOfPosting) {
  CommandQueue queue(10, RealThreads());
  queue.Post(kWrites, Note("Set"));
  queue.Post(kReads, Note("Get"));
  queue.Post(kWrites, Note("SetConfig"));
  EXPECT_THAT(Finish(queue), ElementsAre("Set", "Get", "SetConfig"));
}

TEST_F(CommandQueueTest, AReadDoesNotWaitForALongCommand) {
  CommandQueue queue(10, RealThreads(), absl::Milliseconds(1));
  queue.Post(kWrites, Long(end_, begun_));
  ASSERT_TRUE(Await(*begun_));
  std::promise<void> read;
  queue.Post(kReads, [&] { read.set_value(); });
  EXPECT_TRUE(Await(read));
  end_->set_value();
}

TEST_F(CommandQueueTest, ReadsOvertakeInTheirOrderAndWritesWait) {
  CommandQueue queue(10, RealThreads(), absl::Milliseconds(1));
  queue.Post(kWrites, Long(end_, begun_));
  ASSERT_TRUE(Await(*begun_));
  queue.Post(kWrites, Note("Set"));
  queue.Post(kReads, Note("Get 1"));
  queue.Post(kReads, Note("Get 2"));
  std::promise<void> read;
  queue.Post(kReads, [&] { read.set_value(); });
  EXPECT_TRUE(Await(read));
  end_->set_value();
  EXPECT_THAT(Finish(queue), ElementsAre("Get 1", "Get 2", "Set"));
}

TEST_F(CommandQueueTest, APatientReadKeepsItsPlace) {
  CommandQueue queue(10, RealThreads(), absl::Hours(1));
  queue.Post(kWrites, Long(end_, begun_));
  ASSERT_TRUE(Await(*begun_));
  queue.Post(kWrites, Note("Set"));
  queue.Post(kReads, Note("Get"));
  end_->set_value();
  EXPECT_THAT(Finish(queue), ElementsAre("Set", "Get"));
}

TEST_F(CommandQueueTest, TakesNoMoreThanItsCapacity) {
  CommandQueue queue(2, RealThreads(), absl::Hours(1));
  queue.Post(kWrites, Long(end_, begun_));
  ASSERT_TRUE(Await(*begun_));
  EXPECT_TRUE(queue.Post(kWrites, Note("1")));
  EXPECT_TRUE(queue.Post(kReads, Note("2")));
  EXPECT_FALSE(queue.Post(kReads, Note("3")));
  end_->set_value();
}

TEST_F(CommandQueueTest, EndsWithoutRunningWhatWaits) {
  {
    CommandQueue queue(10, RealThreads(), absl::Hours(1));
    queue.Post(kWrites, Long(end_, begun_));
    ASSERT_TRUE(Await(*begun_));
    queue.Post(kWrites, Note("Set"));
    end_->set_value();
  }
  EXPECT_LE(done_.size(), 1u);  // it may just have begun
}

}  // namespace
}  // namespace fieldgate::cloud_link
