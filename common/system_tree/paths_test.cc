#include "common/system_tree/paths.h"

#include <gtest/gtest.h>

namespace fieldgate::system_tree {
namespace {

TEST(SystemTreePathsTest, ValuesModulesAndAliasesAreKnown) {
  for (const char* path : {"/SerialNo", "/GSM/State", "/FreeFileSize", "/GPRSLinkState",
                           "/GprsLinkState", "/Hardware/Modules/C218", "/Ethernet2/MAC",
                           "/GSM/IMEI", "/EEProm/LED0", "/LogCounter/Login"}) {
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

TEST(SystemTreePathsTest, NamesBelowProcessAreBranchesOrValues) {
  for (const char* name : {"VPN", "PV", "MB", "GNSS", "COM1PollActive", "ETHPollActive"}) {
    EXPECT_TRUE(IsProcessName(name)) << name;
  }
  for (const char* name : {"", "Bus1", "vpn", "COM5PollActive", "C540"}) {
    EXPECT_FALSE(IsProcessName(name)) << name;
  }
  EXPECT_TRUE(IsPollActive("COM4PollActive"));
  EXPECT_FALSE(IsPollActive("VPN"));
}

}  // namespace
}  // namespace fieldgate::system_tree
