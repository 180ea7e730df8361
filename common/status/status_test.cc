#include "common/status/status.h"

#include "gtest/gtest.h"

namespace fieldgate {
namespace {

TEST(AnnotateTest, PutsTheContextBeforeTheMessageAndKeepsTheCode) {
  EXPECT_EQ(Annotate(absl::NotFoundError("no row"), "reading identity"),
            absl::NotFoundError("reading identity: no row"));
}

TEST(AnnotateTest, LeavesOkAlone) { EXPECT_TRUE(Annotate(absl::OkStatus(), "anything").ok()); }

}  // namespace
}  // namespace fieldgate
