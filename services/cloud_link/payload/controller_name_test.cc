#include "services/cloud_link/payload/controller_name.h"

#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

TEST(ControllerNameTest, IsThePathUpToTheLastLevel_Table2_1) {
  const struct {
    const char* path;
    SensorAddress address;
  } rows[] = {
      {"/GSM/State", {"GSM", "State"}},
      {"/Process/PV/Var_PV", {"Process_PV", "Var_PV"}},
      {"/Process/CloudConn/ConnectionState", {"Process_CloudConn", "ConnectionState"}},
      {"/Process/VPN/ConnectionState", {"Process_VPN", "ConnectionState"}},
      {"/Process/Bus1/Device0/Var0", {"Process_Bus1_Device0", "Var0"}},
      {"/Process/C540/Q/P0", {"Process_C540_Q", "P0"}},
      {"/Process/C540/QB/P0", {"Process_C540_QB", "P0"}},
      {"/Process/C540/QW/P0", {"Process_C540_QW", "P0"}},
      {"/Process/C540/QD/P0", {"Process_C540_QD", "P0"}},
      {"/Process/C03e/Counter/P0", {"Process_C03e_Counter", "P0"}},
      {"/Process/MB/IO/I/P0", {"Process_MB_IO_I", "P0"}},
      {"/Process/MB/IO/Q/P0", {"Process_MB_IO_Q", "P0"}},
  };
  for (const auto& row : rows) EXPECT_EQ(AddressOf(row.path), row.address) << row.path;
}

TEST(ControllerNameTest, AFirstLevelVariableBelongsToGet_Table2_2) {
  for (const char* name : {"SerialNo", "GprsLinkState", "FreeFileSize"}) {
    EXPECT_EQ(AddressOf(std::string("/") + name), (SensorAddress{"Get", name}));
  }
}

TEST(ControllerNameTest, SlashesAroundThePathDoNotCount) {
  EXPECT_EQ(AddressOf("Process/PV//A/"), AddressOf("/Process/PV/A"));
  EXPECT_EQ(NormalPath("Process/PV//A/"), "/Process/PV/A");
}

TEST(ControllerNameTest, GpsBelongsToTheFirstLevel) {
  EXPECT_EQ(GpsAddressOf("/GNSS/Latitude"), (SensorAddress{"GNSS", "Latitude"}));
  EXPECT_EQ(GpsAddressOf("/GNSS/Fix/Latitude"), (SensorAddress{"GNSS", "Latitude"}));
  EXPECT_EQ(GpsAddressOf("/Latitude"), (SensorAddress{"Get", "Latitude"}));
}

}  // namespace
}  // namespace fieldgate::cloud_link
