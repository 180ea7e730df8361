// PD-26: what ModemManager's properties mean.
#include "services/process_data/modem/modem_properties.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace fieldgate::process_data {
namespace {

constexpr char kModem0[] = "/org/freedesktop/ModemManager1/Modem/0";

Properties Connected() {
  return {
      {"Modem.State", "11"},
      {"Modem.Model", "ME909s-120"},
      {"Modem.Revision", "11.617.09.00.00"},
      {"Modem.EquipmentIdentifier", "860000000000001"},
      {"Modem.Modem3gpp.Imei", "860000000000001"},
      {"Modem.Modem3gpp.OperatorCode", "26201"},
      {"Modem.Modem3gpp.OperatorName", "Telekom.de"},
      {"Modem.SignalQuality.0", "67"},
      {"Modem.SignalQuality.1", "1"},
      {"Modem.AccessTechnologies", absl::StrCat(1 << 14)},
      {"Modem.Signal.Lte.rssi", "-65"},
      {"Modem.Signal.Lte.rsrp", "-94.5"},
      {"Modem.Location.Location.1", "262,01,84CD,2BC80,3C"},
  };
}

std::string StateOf(Properties properties) { return ToModem(properties, {}).state; }

TEST(ModemPropertiesTest, AModemInServiceTellsAllThatTheManualPromises) {
  const Properties sim = {{"Sim.Imsi", "262011234567890"},
                          {"Sim.SimIdentifier", "89490200001234567890"}};
  EXPECT_EQ(ToModem(Connected(), sim), (Modem{.state = "connected",
                                              .model = "ME909s-120",
                                              .revision = "11.617.09.00.00",
                                              .imei = "860000000000001",
                                              .imsi = "262011234567890",
                                              .sim_id = "89490200001234567890",
                                              .provider = "Telekom.de",
                                              .quality = "67",
                                              .rssi = "-65",
                                              .rsrp = "-94.5",
                                              .service = "LTE",
                                              .cell_id = "179328"}));
}

TEST(ModemPropertiesTest, EachStateHasItsText) {
  const char* const texts[] = {"unknown",    "initializing",  "locked",     "disabled",
                               "disabling",  "enabling",      "enabled",    "searching",
                               "registered", "disconnecting", "connecting", "connected"};
  for (size_t i = 0; i < std::size(texts); ++i) {
    EXPECT_EQ(StateOf({{"Modem.State", absl::StrCat(i)}}), texts[i]);
  }
}

TEST(ModemPropertiesTest, AFailureNamesItsReason) {
  for (const auto& [reason, text] :
       {std::pair("2", "missing SIM Card"), std::pair("3", "SIM error"),
        std::pair("5", "eSIM without profile"), std::pair("1", "failed"),
        std::pair("", "failed")}) {
    EXPECT_EQ(StateOf({{"Modem.State", "-1"}, {"Modem.StateFailedReason", reason}}), text);
  }
}

TEST(ModemPropertiesTest, ALockNamesWhatIsRequired) {
  for (const auto& [lock, text] : {std::pair("2", "SIM PIN required"),
                                   std::pair("4", "SIM PUK required"), std::pair("8", "locked")}) {
    EXPECT_EQ(StateOf({{"Modem.State", "2"}, {"Modem.UnlockRequired", lock}}), text);
  }
}

TEST(ModemPropertiesTest, ANetworkThatRefusesIsSaidWhileThereIsNoOther) {
  const auto denied = [](const char* state) {
    return StateOf({{"Modem.State", state}, {"Modem.Modem3gpp.RegistrationState", "3"}});
  };
  EXPECT_EQ(denied("6"), "registration denied");
  EXPECT_EQ(denied("7"), "registration denied");
  EXPECT_EQ(denied("3"), "disabled");
}

TEST(ModemPropertiesTest, StatesThatNobodyKnowsYetAreUnknown) {
  for (const char* state : {"12", "-2", "x", "", "99999999999"}) {
    EXPECT_EQ(StateOf({{"Modem.State", state}}), "unknown") << state;
  }
}

TEST(ModemPropertiesTest, TheServiceIsTheNewestTechnologyInUse) {
  const struct {
    uint32_t bits;
    const char* text;
  } rows[] = {
      {0, ""},
      {1u << 1, "GSM"},
      {1u << 4, "GSM"},
      {1u << 5, "UMTS"},
      {1u << 9, "UMTS"},
      {1u << 14, "LTE"},
      {1u << 15, "5G"},
      {(1u << 14) | (1u << 15), "5G"},
      {1u << 16, "LTE-M"},
      {1u << 17, "NB-IoT"},
      {1u << 12, "CDMA"},
      {1u << 0, ""},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(ToModem({{"Modem.AccessTechnologies", absl::StrCat(row.bits)}}, {}).service, row.text)
        << row.bits;
  }
}

TEST(ModemPropertiesTest, WhatModemManagerDoesNotTellIsEmpty) {
  EXPECT_EQ(ToModem({}, {}), (Modem{.state = "unknown"}));
}

TEST(ModemPropertiesTest, AQualityThatWasNeverMeasuredIsEmpty) {
  const auto quality = [](const char* percent, const char* recent) {
    return ToModem({{"Modem.SignalQuality.0", percent}, {"Modem.SignalQuality.1", recent}}, {})
        .quality;
  };
  EXPECT_EQ(quality("0", "0"), "");
  EXPECT_EQ(quality("0", "1"), "0");
  EXPECT_EQ(quality("40", "0"), "40");
}

TEST(ModemPropertiesTest, With5GOverLteTheStrengthOf5GIsMeant) {
  Properties modem = Connected();
  modem["Modem.Signal.Nr5g.rsrp"] = "-101";
  EXPECT_EQ(ToModem(modem, {}).rsrp, "-101");
  EXPECT_EQ(ToModem(modem, {}).rssi, "-65");
}

TEST(ModemPropertiesTest, AnOperatorWithoutANameIsItsCode) {
  Properties modem = Connected();
  modem["Modem.Modem3gpp.OperatorName"] = "";
  EXPECT_EQ(ToModem(modem, {}).provider, "26201");
}

TEST(ModemPropertiesTest, AModemThatIsNotRegisteredYetHasItsImei) {
  EXPECT_EQ(ToModem({{"Modem.EquipmentIdentifier", "86"}}, {}).imei, "86");
}

TEST(ModemPropertiesTest, ACellThatIsNoneIsEmpty) {
  for (const char* location : {"", "262", "262,01,84CD", "262,01,84CD,", "262,01,84CD,0,0",
                               "262,01,84CD,xyz,3C", "a,b,c,fffffffffffffffff,d"}) {
    EXPECT_EQ(ToModem({{"Modem.Location.Location.1", location}}, {}).cell_id, "") << location;
  }
}

TEST(ModemPropertiesTest, TheCellIsAskedForWhereItIsKnownAndNotShown) {
  EXPECT_FALSE(MustAskForCell({}));
  EXPECT_FALSE(MustAskForCell({{"Modem.Location.Enabled", "0"}}));
  EXPECT_FALSE(MustAskForCell({{"Modem.Location.Enabled", "2"}}));
  EXPECT_TRUE(MustAskForCell({{"Modem.Location.Enabled", "3"}}));
  EXPECT_FALSE(
      MustAskForCell({{"Modem.Location.Enabled", "1"}, {"Modem.Location.Location.1", "262"}}));
}

TEST(ModemPropertiesTest, WithoutAnObjectThatIsAModemThereIsNone) {
  EXPECT_EQ(ChooseModem({}, "wwan0"), "");
  EXPECT_EQ(ChooseModem({{"/org/freedesktop/ModemManager1/X/0", {{"X.State", "1"}}}}, ""), "");
}

TEST(ModemPropertiesTest, TheModemOfTheInterfaceIsChosenElseTheFirst) {
  const std::string modem2 = "/org/freedesktop/ModemManager1/Modem/2";
  const std::string modem10 = "/org/freedesktop/ModemManager1/Modem/10";
  const Objects objects = {
      {modem10,
       {{"Modem.State", "3"}, {"Modem.Ports.0.0", "cdc-wdm1"}, {"Modem.Ports.1.0", "wwan1"}}},
      {modem2, {{"Modem.State", "3"}, {"Modem.Ports.0.0", "wwan0"}, {"Modem.Ports.0.1", "2"}}},
  };
  EXPECT_EQ(ChooseModem(objects, "wwan1"), modem10);
  EXPECT_EQ(ChooseModem(objects, "wwan0"), modem2);
  EXPECT_EQ(ChooseModem(objects, "ppp0"), modem2);
  EXPECT_EQ(ChooseModem(objects, ""), modem2);
  EXPECT_EQ(ChooseModem({{kModem0, {{"Modem.State", "3"}}}}, ""), kModem0);
}

}  // namespace
}  // namespace fieldgate::process_data
