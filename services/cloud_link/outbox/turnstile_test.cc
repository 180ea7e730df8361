#include "services/cloud_link/outbox/turnstile.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

namespace fieldgate::cloud_link {
namespace {

TEST(TurnstileTest, TheLoopWaitsUntilTheOtherHasPassed) {
  Turnstile turnstile;
  std::optional<Turnstile::Passage> passage(turnstile);
  std::atomic<bool> passed = false;
  std::thread other([&] {
    passed = true;
    passage.reset();
  });
  turnstile.LetPass(std::chrono::minutes(1));
  EXPECT_TRUE(passed);
  other.join();
}

TEST(TurnstileTest, TheLoopDoesNotWaitForEver) {
  Turnstile turnstile;
  const Turnstile::Passage passage(turnstile);
  turnstile.LetPass();
}

TEST(TurnstileTest, AFreeTurnstileIsPassedAtOnce) {
  Turnstile turnstile;
  { const Turnstile::Passage passage(turnstile); }
  turnstile.LetPass(std::chrono::hours(24));
}

}  // namespace
}  // namespace fieldgate::cloud_link
