// The short form of the soak. A small leak shows when it is taken for 10,000
// reconnects; only bytes in use are compared, as pages come and go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fault/process_usage.h"
#include "tests/fault/reconnect_soak.h"

namespace fieldgate::fault {
namespace {

void ExpectNoGrowth(const SoakResult& result) {
  ASSERT_THAT(result.problems, testing::IsEmpty());
  EXPECT_FALSE(result.Grows()) << "before: " << result.before.ToString()
                               << "\nafter: " << result.after.ToString();
  EXPECT_LE(result.after.fds, result.before.fds);
  EXPECT_LE(result.after.threads, result.before.threads);
  EXPECT_GT(result.messages, result.reconnects);
}

TEST(SoakTest, ReconnectsTakeNothing) {
  ExpectNoGrowth(RunReconnects({.reconnects = 140, .warm_up = 60}));
}

TEST(SoakTest, ReconnectsWithTlsTakeNothing) {
  ExpectNoGrowth(RunReconnects({.reconnects = 60, .warm_up = 40, .tls = true}));
}

}  // namespace
}  // namespace fieldgate::fault

int main(int argc, char** argv) {
  fieldgate::fault::CountHeapExactly(argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
