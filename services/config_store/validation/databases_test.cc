// CS-1 to CS-10: what SetConfig and GetConfig do to a tree.
#include "services/config_store/validation/databases.h"

#include "common/tixml/codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config_store/validation/test_support.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

tixml::Node Merged(const std::vector<std::string>& path, absl::string_view before,
                   absl::string_view children) {
  tixml::Node database = Database(path[0], before);
  Merge(path, Database("", children).children, database);
  return database;
}

TEST(MergeTest, ReplacesSameNamedChildrenAndKeepsTheOthersInTheirPlaces) {
  EXPECT_EQ(Merged({"ISP"}, "<A x=\"1\"><Old/></A><B/><C/>", "<B y=\"2\"/><D/><A/>"),
            Database("ISP", "<A/><B y=\"2\"/><C/><D/>"));
}

TEST(MergeTest, AllOfANameAreReplacedByAllGivenInPlaceOfTheFirst) {
  EXPECT_EQ(
      Merged({"ISP"}, "<A n=\"1\"/><B/><A n=\"2\"/>", "<A n=\"3\"/><C/><A n=\"4\"/><A n=\"5\"/>"),
      Database("ISP", "<A n=\"3\"/><A n=\"4\"/><A n=\"5\"/><B/><C/>"));
}

TEST(MergeTest, WorksOnANodeAndMakesMissingOnes) {
  EXPECT_EQ(Merged({"ISP", "ISP", "OUT"}, "<X/>", "<CloudConn _=\"VPN\"/>"),
            Database("ISP", "<X/><ISP><OUT><CloudConn _=\"VPN\"/></OUT></ISP>"));
  EXPECT_EQ(Merged({"ISP", "ISP"}, "<ISP k=\"v\"><OUT/><IN/></ISP>", "<OUT a=\"b\"/>"),
            Database("ISP", "<ISP k=\"v\"><OUT a=\"b\"/><IN/></ISP>"));
}

TEST(MergeTest, SettingsOfAConnectorAreReplacedWhateverTheirCase) {
  EXPECT_EQ(Merged({"ISP", "CloudConn"}, "<CloudConn><RTSendTime1 _=\"3\"/></CloudConn>",
                   "<RTsendTime1 _=\"5\"/>"),
            Database("ISP", "<CloudConn><RTsendTime1 _=\"5\"/></CloudConn>"));
  EXPECT_EQ(Merged({"ISP", "CloudConn", "RealTime1"},
                   "<CloudConn><Realtime1><A/></Realtime1></CloudConn>", "<a/>"),
            Database("ISP", "<CloudConn><Realtime1><A/><a/></Realtime1></CloudConn>"))
      << "names of data points are taken as they are";
}

TEST(FindNodesTest, FindsRepeatedNodesAndNothingWhereThereIsNone) {
  const tixml::Node isp = Database("ISP", "<A><B n=\"1\"/><C/><B n=\"2\"/></A>");
  EXPECT_EQ(FindNodes({"ISP"}, isp), std::vector<const tixml::Node*>{&isp});
  EXPECT_EQ(FindNodes({"ISP", "A", "B"}, isp).size(), 2u);
  EXPECT_THAT(FindNodes({"ISP", "X", "B"}, isp), IsEmpty());
}

TEST(DatabasePathTest, IsANameAndLevels) {
  EXPECT_EQ(*ParseDatabasePath("ISP/ISP/OUT"), (std::vector<std::string>{"ISP", "ISP", "OUT"}));
  EXPECT_TRUE(ParseDatabasePath("_own2").ok());
  for (const char* bad : {"", "/ISP", "2ISP", "IS P", "../etc", "ISP/", "ISP//A", "ISP/1"}) {
    const absl::Status status = ParseDatabasePath(bad).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(status.message()), HasSubstr(bad));
  }
}

TEST(SecretsTest, AreMaskedWhereTheyStand) {
  tixml::Node user =
      Database("USER",
               "<AccRights><User _=\"Plain\"><ADMIN Plain=\"x\" Group=\"Admin\"/><B Plain=\"\"/>"
               "<C Password=\"y\" pin=\"1\"/></User></AccRights>");
  MaskSecrets(user);
  EXPECT_EQ(user, Database("USER",
                           "<AccRights><User _=\"Plain\"><ADMIN Plain=\"***\" Group=\"Admin\"/>"
                           "<B Plain=\"\"/><C Password=\"***\" pin=\"***\"/></User></AccRights>"));
  tixml::Node isp = Database("ISP",
                             "<CloudConn><Password _=\"x\"/><Realtime1><Pin _=\"/a\"/></Realtime1>"
                             "</CloudConn><SMTP><password>y</password></SMTP>");
  MaskSecrets(isp);
  EXPECT_EQ(isp, Database("ISP",
                          "<CloudConn><Password _=\"***\"/><Realtime1><Pin _=\"/a\"/></Realtime1>"
                          "</CloudConn><SMTP><password>***</password></SMTP>"))
      << "a data point may be named Pin";
}

TEST(SecretsTest, AreMaskedInTheCommandsOfAnEventHandler) {
  tixml::Node events =
      Database("EVENTS",
               "<EventHandler><Pin><SetConfig _=\"ISP/CloudConn\"><password _=\"x\"/></SetConfig>"
               "<SetConfig _=\"ISP\"><CloudConn><password>y</password></CloudConn></SetConfig>"
               "</Pin></EventHandler><EventStates><Pin _=\"/a\"/></EventStates>");
  MaskSecrets(events);
  EXPECT_EQ(
      events,
      Database("EVENTS",
               "<EventHandler><Pin><SetConfig _=\"ISP/CloudConn\"><password _=\"***\"/></SetConfig>"
               "<SetConfig _=\"ISP\"><CloudConn><password>***</password></CloudConn></SetConfig>"
               "</Pin></EventHandler><EventStates><Pin _=\"/a\"/></EventStates>"));
}

TEST(SecretsTest, AMaskThatIsWrittenBackLeavesTheSecret) {
  const tixml::Node before = Database(
      "ISP", "<CloudConn><password _=\"x\"/></CloudConn><S P=\"1\" pin=\"2\"/><S pin=\"3\"/>");
  tixml::Node after = Database(
      "ISP", "<S pin=\"***\"/><S pin=\"***\"/><CloudConn><Password _=\"***\"/></CloudConn>");
  Problems problems;
  RestoreSecrets(&before, after, problems);
  EXPECT_THAT(Lines(problems), IsEmpty());
  EXPECT_EQ(
      after,
      Database("ISP", "<S pin=\"2\"/><S pin=\"3\"/><CloudConn><Password _=\"x\"/></CloudConn>"));
}

TEST(SecretsTest, AMaskWithoutAStoredSecretIsAnError) {
  const tixml::Node before = Database("ISP", "<CloudConn><password _=\"x\"/></CloudConn>");
  tixml::Node after = Database("ISP", "<CloudConn2>\n<password _=\"***\"/></CloudConn2>");
  Problems problems;
  RestoreSecrets(&before, after, problems);
  EXPECT_THAT(Lines(problems),
              ElementsAre("error 2 /ISP/CloudConn2/password: '***' stands for a stored secret, but "
                          "none is stored here; write the secret itself"));
}

TEST(CheckStorableTest, NamesThatXmlCannotHoldAreErrors) {
  tixml::Node database;
  database.name = "X";
  database.children.push_back({"2nd", {{"a b", "1"}}, {}, "", 7});
  Problems problems;
  CheckStorable(database, problems);
  EXPECT_THAT(Lines(problems),
              ElementsAre(HasSubstr("error 7 /X/2nd: '2nd' can't be the name of an "
                                    "element; write a name of letters"),
                          HasSubstr("'a b' can't be the name of an attribute")));
}

TEST(CheckStorableTest, DepthAttributesAndSizeAreBounded) {
  tixml::Node deep;
  deep.name = "X";
  tixml::Node* node = &deep;
  for (int i = 0; i < 70; ++i) {
    node->children.emplace_back().name = "a";
    node = &node->children[0];
  }
  Problems too_deep;
  CheckStorable(deep, too_deep);
  EXPECT_THAT(Lines(too_deep), ElementsAre(HasSubstr("it is 65 levels deep; use at most 64")));

  tixml::Node wide;
  wide.name = "X";
  wide.children.resize(20'000, {"a", {}, {}, "", 0});
  Problems too_wide;
  CheckStorable(wide, too_wide);
  EXPECT_THAT(Lines(too_wide),
              ElementsAre("error 0 /X: the database would have 20001 elements; use at most 20000"));

  tixml::Node many;
  many.name = "X";
  for (int i = 0; i < 65; ++i) many.Set("a" + std::to_string(i), "");
  Problems too_many;
  CheckStorable(many, too_many);
  EXPECT_THAT(Lines(too_many), ElementsAre("error 0 /X: it has 65 attributes; use at most 64"));
}

TEST(ProblemsTest, OnlyTheFirstFiveHundredOfAKindAreListed) {
  Problems problems;
  for (int i = 0; i < 600; ++i) problems.Warning({"/a", i + 1}, "w", "r");
  problems.Error({"/b", 0}, "e", "r");
  const std::vector<std::string> lines = Lines(problems);
  ASSERT_EQ(lines.size(), 502u);
  EXPECT_EQ(lines[500], "error 0 /b: e; r") << "an error is never lost among warnings";
  EXPECT_EQ(lines[501], "warning 0 : 100 more are not listed; mend those above first");
}

}  // namespace
}  // namespace fieldgate::config_store
