#include "services/cloud_link/outbox/send_window.h"

#include <deque>

#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

// A backlog over a link of `rate` bytes a second with a round trip of `delay`.
class Link {
 public:
  Link(double rate, absl::Duration delay) : rate_(rate), delay_(delay) {}

  // Sends messages of `size` for `d`, always as many as the window allows.
  // Returns the longest time that one was under way in the second half.
  absl::Duration SendFor(absl::Duration d, int64_t size) {
    const MonotonicTime end = now_ + d;
    absl::Duration longest;
    while (now_ < end) {
      while (under_way_ < window.bytes()) {
        free_at_ = std::max(free_at_, now_) + absl::Seconds(static_cast<double>(size) / rate_);
        messages_.push_back({now_, free_at_ + delay_, size});
        under_way_ += size;
      }
      const Message message = messages_.front();
      messages_.pop_front();
      now_ = message.acknowledged;
      window.Acknowledged(message.size, under_way_, message.published, now_);
      under_way_ -= message.size;
      sent += message.size;
      if (end - now_ < d / 2) longest = std::max(longest, now_ - message.published);
    }
    return longest;
  }

  SendWindow window;
  int64_t sent = 0;

 private:
  struct Message {
    MonotonicTime published;
    MonotonicTime acknowledged;
    int64_t size;
  };
  const double rate_;
  const absl::Duration delay_;
  MonotonicTime now_{absl::Seconds(1000)};
  MonotonicTime free_at_{absl::ZeroDuration()};
  std::deque<Message> messages_;
  int64_t under_way_ = 0;
};

TEST(SendWindowTest, OnANarrowLinkLittleIsUnderWayAndTheLinkIsFull) {
  Link link(/*rate=*/2000, absl::Milliseconds(500));
  EXPECT_LE(link.SendFor(absl::Minutes(10), 1000), absl::Seconds(7));
  EXPECT_GE(link.sent, 2000 * 600 * 8 / 10);
}

TEST(SendWindowTest, OnAFastLinkItIsSoonTheLargest) {
  Link link(/*rate=*/10e6, absl::Milliseconds(1));
  link.SendFor(absl::Seconds(1), 2000);
  EXPECT_EQ(link.window.bytes(), SendWindow::kLargest);
}

TEST(SendWindowTest, OverASatelliteTheLinkIsFullWithinSeconds) {
  Link link(/*rate=*/100e3, absl::Milliseconds(700));
  link.SendFor(absl::Seconds(60), 2000);
  EXPECT_GE(link.sent, 100'000 * 60 * 8 / 10);
}

TEST(SendWindowTest, WhatIsSlowOnceIsNoReasonToShrinkTwice) {
  SendWindow window;
  const MonotonicTime start(absl::Seconds(1000));
  const MonotonicTime late = start + absl::Seconds(4);
  window.Acknowledged(1000, 16'000, start, late);
  EXPECT_EQ(window.bytes(), 8000);
  window.Acknowledged(1000, 15'000, start + absl::Seconds(1), late + absl::Seconds(4));
  EXPECT_EQ(window.bytes(), 8000);
}

TEST(SendWindowTest, AWindowThatIsNotUsedDoesNotGrow) {
  SendWindow window;
  const MonotonicTime now(absl::Seconds(1000));
  for (int i = 0; i < 1000; ++i) window.Acknowledged(1000, 1000, now, now);
  EXPECT_EQ(window.bytes(), SendWindow::kFirst);
}

TEST(SendWindowTest, AStandstillOfAnHourLeavesTheSmallest) {
  SendWindow window;
  const MonotonicTime start(absl::Seconds(1000));
  window.Acknowledged(1000, 16'000, start, start + absl::Hours(1));
  EXPECT_EQ(window.bytes(), SendWindow::kSmallest);
}

}  // namespace
}  // namespace fieldgate::cloud_link
