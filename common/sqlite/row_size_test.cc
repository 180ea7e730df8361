#include "common/sqlite/row_size.h"

#include "gtest/gtest.h"

namespace fieldgate::sqlite {
namespace {

TEST(RowSizeTest, SmallRowsSharePagesAndLargeOnesFillTheirOwn) {
  EXPECT_EQ(DiskBytes(30), 50);
  EXPECT_EQ(DiskBytes(1'300), 1'365);
  EXPECT_EQ(DiskBytes(2'700), 4'096);
  EXPECT_EQ(DiskBytes(4'041), 4'096);
  EXPECT_EQ(DiskBytes(5'000), 4'096 + 1'024);
  EXPECT_EQ(DiskBytes(1'000'000), 244 * 4'096 + 2'048);
}

}  // namespace
}  // namespace fieldgate::sqlite
