#include "common/system_tree/paths.h"

#include <gtest/gtest.h>

namespace fieldgate::system_tree {
namespace {

TEST(SystemTreePathsTest, ValuesModulesAndAliasesAreKnown) {
  for (const char* path : {"/SerialNo", "/GSM/State", "/FreeFileSize", "/GPRSLinkState",
                           "/GprsLinkState", "/Hardware/Modules/C218", "/Ethernet2/MAC"}) {
    EXPECT_TRUE(IsValue(path)) << path;
  }
}

TEST(SystemTreePathsTest, BranchesAndOtherPathsAreNot) {
  for (const char* path : {"", "/", "/GSM", "/GSM/SM", "/serialno", "/SerialNo/", "SerialNo",
                           "/Hardware/Modules", "/Hardware/Modules/", "/Hardware/Modules/A/B",
                           "/Hardware/ModulesA", "/Process/MB/CPULoad"}) {
    EXPECT_FALSE(IsValue(path)) << path;
  }
}

}  // namespace
}  // namespace fieldgate::system_tree
