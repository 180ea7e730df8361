#include "services/cloud_link/peer_watch.h"

#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

class PeerWatchTest : public testing::Test {
 protected:
  bool SilentAfter(absl::Duration d, int in_flight = 1, int64_t oldest = 1000) {
    now_ = now_ + d;
    return watch_.IsSilent(in_flight, oldest, now_);
  }

  PeerWatch watch_;
  MonotonicTime now_{absl::Seconds(1000)};
};

TEST_F(PeerWatchTest, ABrokerIsSilentAfter15SecondsWithoutAnAcknowledgement) {
  EXPECT_FALSE(SilentAfter(absl::ZeroDuration()));
  EXPECT_EQ(watch_.deadline() - now_, absl::Seconds(15));
  EXPECT_FALSE(SilentAfter(absl::Seconds(14.9)));
  EXPECT_TRUE(SilentAfter(absl::Seconds(0.1)));
  EXPECT_FALSE(SilentAfter(absl::ZeroDuration())) << "told once";
}

TEST_F(PeerWatchTest, EachAcknowledgementGivesItTheTimeAnew) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(SilentAfter(absl::ZeroDuration()));
    EXPECT_FALSE(SilentAfter(absl::Seconds(14.9)));
    watch_.Acknowledged();
  }
}

TEST_F(PeerWatchTest, WithNothingUnderWayItIsNeverSilent) {
  EXPECT_FALSE(SilentAfter(absl::ZeroDuration()));
  EXPECT_FALSE(SilentAfter(absl::Seconds(10), /*in_flight=*/0));
  EXPECT_EQ(watch_.deadline(), MonotonicTime::Never());
  EXPECT_FALSE(SilentAfter(absl::Hours(10), /*in_flight=*/0));
}

TEST_F(PeerWatchTest, ASubscriptionOrRequestThatIsNotConfirmedCounts) {
  watch_.Began(7, /*bytes=*/100);
  EXPECT_FALSE(SilentAfter(absl::ZeroDuration(), /*in_flight=*/0));
  EXPECT_TRUE(SilentAfter(absl::Seconds(15), /*in_flight=*/0));

  watch_.Began(8, /*bytes=*/100);
  watch_.Ended(8);
  EXPECT_FALSE(SilentAfter(absl::Hours(1), /*in_flight=*/0));
}

TEST_F(PeerWatchTest, ALargeMessageHasTheTimeOfASlowLink) {
  constexpr int64_t kMegabyte = 1 << 20;
  EXPECT_FALSE(SilentAfter(absl::ZeroDuration(), 1, kMegabyte));
  EXPECT_FALSE(SilentAfter(absl::Seconds(1020), 1, kMegabyte));
  EXPECT_TRUE(SilentAfter(absl::Seconds(16), 1, kMegabyte));
}

TEST_F(PeerWatchTest, ALargeRequestHasTheTimeOfASlowLinkToo) {
  watch_.Began(7, /*bytes=*/34 << 10);
  EXPECT_FALSE(SilentAfter(absl::ZeroDuration(), /*in_flight=*/0));
  EXPECT_FALSE(SilentAfter(absl::Seconds(44), /*in_flight=*/0));
  EXPECT_TRUE(SilentAfter(absl::Seconds(1), /*in_flight=*/0));
}

TEST_F(PeerWatchTest, ANewConnectionOwesNothing) {
  watch_.Began(7, /*bytes=*/100);
  EXPECT_FALSE(SilentAfter(absl::ZeroDuration(), 0));
  watch_.Reset();
  EXPECT_FALSE(SilentAfter(absl::Hours(1), 0));
}

}  // namespace
}  // namespace fieldgate::cloud_link
