// CS-100 to CS-107: what is on probation and what comes back; simulated time.
#include "services/config_store/probation/probations.h"

#include <map>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// A connector of an ISP database, as elements of the test's own kind:
// <CloudConn url=".." points=".." start=".." time=".."/>.
tixml::Node Conn(const std::string& name, const std::string& url, const std::string& points = "",
                 bool start = true, const std::string& time = "300") {
  tixml::Node node;
  node.name = name;
  node.Set("url", url).Set("points", points).Set("start", start ? "1" : "0").Set("time", time);
  return node;
}

tixml::Node Isp(std::vector<tixml::Node> children) {
  tixml::Node isp;
  isp.name = "ISP";
  isp.children = std::move(children);
  return isp;
}

// Two connectors with one URL are not valid.
std::optional<Connectors> ReadIsp(const tixml::Node& isp) {
  Connectors connectors;
  std::map<std::string, int> urls;
  for (const tixml::Node& node : isp.children) {
    if (!absl::StartsWith(node.name, "CloudConn")) continue;
    v1::Connector& connector = *connectors.Add();
    connector.set_name(node.name);
    connector.set_base_url(*node.Find("url"));
    connector.set_start(*node.Find("start") == "1");
    connector.set_confirm_time_s(static_cast<uint32_t>(std::stoi(*node.Find("time"))));
    if (!node.Find("points")->empty()) {
      connector.add_sections()->add_points()->set_path(*node.Find("points"));
    }
    if (++urls[connector.base_url()] > 1) return std::nullopt;
  }
  return connectors;
}

class ProbationsTest : public testing::Test {
 protected:
  // Sets the database as a SetConfig through `connector` does.
  bool Set(const std::string& connector, std::vector<tixml::Node> children) {
    const tixml::Node after = Isp(std::move(children));
    const Connectors from = ReadIsp(isp_).value();
    const Connectors to = ReadIsp(after).value();
    const bool on = probations_.OnChange({.connector = connector,
                                          .former_revision = revision_,
                                          .revision = revision_ + 1,
                                          .isp_before = isp_,
                                          .isp_after = after,
                                          .identity = {},
                                          .before = from,
                                          .after = to},
                                         now_, ReadIsp);
    ++revision_;
    isp_ = after;
    return on;
  }
  void Advance(int seconds) { now_ = now_ + absl::Seconds(seconds); }

  // Takes back what is due, as the store does; the connectors.
  std::vector<std::string> TakeBackExpired() {
    std::vector<std::string> names;
    while (const Probations::Entry* expired = probations_.Expired(now_)) {
      const std::string name = expired->record.connector();
      std::vector<tixml::Node> former = expired->former.children;
      probations_.TakeBack(name);
      EXPECT_FALSE(Set("", std::move(former)));
      names.push_back(name);
    }
    return names;
  }

  // "CloudConn 1..3 PENDING", oldest first.
  std::vector<std::string> Records() const {
    std::vector<std::string> lines;
    for (const Probations::Entry& entry : probations_.entries()) {
      lines.push_back(absl::StrCat(entry.record.connector(), " ", entry.record.former_revision(),
                                   "..", entry.record.revision(), " ",
                                   v1::Probation::State_Name(entry.record.state())));
    }
    return lines;
  }

  MonotonicTime now_{absl::ZeroDuration()};
  tixml::Node isp_ = Isp({Conn("CloudConn", "a"), Conn("CloudConn2", "b")});
  int64_t revision_ = 5;
  Probations probations_;
};

TEST_F(ProbationsTest, AChangeOfOwnSettingsComesBackAfterConfirmTime) {
  const tixml::Node former = isp_;
  EXPECT_TRUE(Set("CloudConn", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "b")}));
  Advance(299);
  EXPECT_THAT(TakeBackExpired(), IsEmpty());
  EXPECT_EQ(probations_.NextDeadline(), now_ + absl::Seconds(1));
  Advance(1);
  EXPECT_THAT(TakeBackExpired(), ElementsAre("CloudConn"));
  EXPECT_EQ(isp_, former);
  EXPECT_THAT(Records(), ElementsAre("CloudConn 5..6 TAKEN_BACK"));
}

TEST_F(ProbationsTest, WhatCameBackIsNotOnProbation) {
  Set("CloudConn", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "b")});
  Advance(300);
  TakeBackExpired();
  EXPECT_FALSE(probations_.AnyPending());
  EXPECT_EQ(probations_.NextDeadline(), MonotonicTime::Never());
}

TEST_F(ProbationsTest, AConfirmedChangeStays) {
  Set("CloudConn", {Conn("CloudConn", "right"), Conn("CloudConn2", "b")});
  EXPECT_FALSE(probations_.Confirm("CloudConn", 5)) << "the revision before";
  EXPECT_FALSE(probations_.Confirm("CloudConn2", 6));
  EXPECT_TRUE(probations_.Confirm("CloudConn", 6));
  EXPECT_FALSE(probations_.Confirm("CloudConn", 6)) << "no more";
  Advance(1000);
  EXPECT_THAT(TakeBackExpired(), IsEmpty());
  EXPECT_THAT(Records(), ElementsAre("CloudConn 5..6 CONFIRMED"));
}

TEST_F(ProbationsTest, ALaterRevisionConfirmsToo) {
  Set("CloudConn", {Conn("CloudConn", "right"), Conn("CloudConn2", "b")});
  EXPECT_TRUE(probations_.Confirm("CloudConn", 9));
}

TEST_F(ProbationsTest, OnlyOwnSettingsThroughTheConnectorItselfAreOnProbation) {
  EXPECT_FALSE(Set("", {Conn("CloudConn", "c"), Conn("CloudConn2", "b")})) << "a person";
  EXPECT_FALSE(Set("CloudConn2", {Conn("CloudConn", "d"), Conn("CloudConn2", "b")})) << "another";
  EXPECT_FALSE(Set("CloudConn", {Conn("CloudConn", "d", "/P"), Conn("CloudConn2", "b")}))
      << "data points";
  EXPECT_FALSE(Set("CloudConn", {Conn("CloudConn", "d", "/P"), Conn("CloudConn2", "e")}))
      << "another's settings";
  EXPECT_FALSE(
      Set("CloudConn3", {Conn("CloudConn", "d"), Conn("CloudConn2", "e"), Conn("CloudConn3", "f")}))
      << "there was none before";
  EXPECT_THAT(Records(), IsEmpty());
}

TEST_F(ProbationsTest, RemovingOrStoppingTheConnectorIsAChangeOfItsSettings) {
  EXPECT_TRUE(Set("CloudConn", {Conn("CloudConn2", "b")}));
  EXPECT_TRUE(Set("CloudConn2", {Conn("CloudConn2", "b", "", /*start=*/false)}));
  Advance(300);
  EXPECT_THAT(TakeBackExpired(), ElementsAre("CloudConn", "CloudConn2"));
  EXPECT_THAT(isp_.children,
              testing::UnorderedElementsAre(Conn("CloudConn", "a"), Conn("CloudConn2", "b")));
}

TEST_F(ProbationsTest, AConnectorThatWasOffHasNothingToComeBackTo) {
  Set("", {Conn("CloudConn", "a", "", /*start=*/false), Conn("CloudConn2", "b")});
  EXPECT_FALSE(Set("CloudConn", {Conn("CloudConn", "c"), Conn("CloudConn2", "b")}));
}

TEST_F(ProbationsTest, TheConfirmTimeThatTheChangeSetsCounts) {
  EXPECT_TRUE(Set("CloudConn", {Conn("CloudConn", "c", "", true, "10"), Conn("CloudConn2", "b")}));
  EXPECT_EQ(probations_.NextDeadline(), now_ + absl::Seconds(10));
  EXPECT_EQ(probations_.entries()[0].record.confirm_time_s(), 10u);
}

TEST_F(ProbationsTest, AConfirmTimeOf0IsNoProbation) {
  EXPECT_FALSE(Set("CloudConn", {Conn("CloudConn", "c", "", true, "0"), Conn("CloudConn2", "b")}));
  EXPECT_FALSE(Set("CloudConn", {Conn("CloudConn2", "b")})) << "removed: the one before counts";
}

TEST_F(ProbationsTest, AFurtherChangeExtendsItAndTheFirstFormerSettingsComeBack) {
  const tixml::Node former = isp_;
  Set("CloudConn", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "b")});
  Advance(200);
  EXPECT_TRUE(Set("CloudConn", {Conn("CloudConn", "wrong", "/P"), Conn("CloudConn2", "b")}))
      << "it goes back, too, although it is data points only";
  EXPECT_THAT(Records(), ElementsAre("CloudConn 5..7 PENDING"));
  EXPECT_FALSE(probations_.Confirm("CloudConn", 6)) << "the newest revision must run";
  Advance(299);
  EXPECT_THAT(TakeBackExpired(), IsEmpty());
  Advance(1);
  EXPECT_THAT(TakeBackExpired(), ElementsAre("CloudConn"));
  EXPECT_EQ(isp_, former);
}

TEST_F(ProbationsTest, AConfirmTimeOf0LeavesAPendingOneItsTime) {
  Set("CloudConn", {Conn("CloudConn", "wrong", "", true, "20"), Conn("CloudConn2", "b")});
  EXPECT_TRUE(
      Set("CloudConn", {Conn("CloudConn", "wrong", "", true, "0"), Conn("CloudConn2", "b")}));
  EXPECT_EQ(probations_.NextDeadline(), now_ + absl::Seconds(20));
}

TEST_F(ProbationsTest, APersonWhoChangesTheSettingsEndsIt) {
  Set("CloudConn", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "b")});
  EXPECT_FALSE(Set("", {Conn("CloudConn", "mended"), Conn("CloudConn2", "b")}));
  EXPECT_THAT(Records(), ElementsAre("CloudConn 5..6 CONFIRMED"));
  Advance(1000);
  EXPECT_THAT(TakeBackExpired(), IsEmpty());
}

TEST_F(ProbationsTest, APersonWhoPutsTheFormerSettingsBackTookItBack) {
  Set("CloudConn", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "b")});
  Set("", {Conn("CloudConn", "a", "/Other"), Conn("CloudConn2", "b")});
  EXPECT_THAT(Records(), ElementsAre("CloudConn 5..6 TAKEN_BACK"));
}

TEST_F(ProbationsTest, AChangeOfOtherThingsMeanwhileStaysWhenItIsTakenBack) {
  Set("CloudConn", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "b")});
  Set("", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "new")});
  EXPECT_THAT(Records(), ElementsAre("CloudConn 5..6 PENDING"));
  Advance(300);
  TakeBackExpired();
  EXPECT_EQ(isp_, Isp({Conn("CloudConn", "a"), Conn("CloudConn2", "new")}));
}

TEST_F(ProbationsTest, AChangeThatIsNotValidWithTheFormerSettingsGoesBackToo) {
  Set("CloudConn", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "b")});
  Set("", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "a")});  // the URL that is free now
  Advance(300);
  TakeBackExpired();
  EXPECT_EQ(isp_, Isp({Conn("CloudConn", "a"), Conn("CloudConn2", "b")}));
}

TEST_F(ProbationsTest, TwoConnectorsOnProbationDontDisturbEachOther) {
  Set("CloudConn", {Conn("CloudConn", "wrong", "", true, "10"), Conn("CloudConn2", "b")});
  Set("CloudConn2", {Conn("CloudConn", "wrong", "", true, "10"), Conn("CloudConn2", "wrong2")});
  EXPECT_THAT(probations_.entries(), SizeIs(2));
  Advance(10);
  EXPECT_THAT(TakeBackExpired(), ElementsAre("CloudConn"));
  EXPECT_EQ(isp_, Isp({Conn("CloudConn", "a"), Conn("CloudConn2", "wrong2")}));
  Advance(290);
  EXPECT_THAT(TakeBackExpired(), ElementsAre("CloudConn2"));
  EXPECT_EQ(isp_, Isp({Conn("CloudConn", "a"), Conn("CloudConn2", "b")}))
      << "and not the wrong CloudConn of the time between";
}

TEST_F(ProbationsTest, AfterARestartItsWholeTimeBeginsAnew) {
  Set("CloudConn", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "b")});
  std::vector<Probations::Entry> stored = probations_.entries();
  now_ = {absl::Seconds(3)};  // another boot
  stored[0].deadline = MonotonicTime::Never();
  probations_ = Probations(std::move(stored), now_);
  EXPECT_EQ(probations_.NextDeadline(), now_ + absl::Seconds(300));
  Advance(300);
  EXPECT_THAT(TakeBackExpired(), ElementsAre("CloudConn"));
}

TEST_F(ProbationsTest, WhatCannotBeTakenBackIsTriedLater) {
  Set("CloudConn", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "b")});
  Advance(300);
  ASSERT_NE(probations_.Expired(now_), nullptr);
  probations_.Postpone("CloudConn", now_ + absl::Seconds(10));
  EXPECT_EQ(probations_.Expired(now_), nullptr);
  EXPECT_EQ(probations_.NextDeadline(), now_ + absl::Seconds(10));
  Advance(10);
  EXPECT_THAT(TakeBackExpired(), ElementsAre("CloudConn"));
}

TEST_F(ProbationsTest, TwentyAreKeptAndAPendingOneIsNeverDropped) {
  Set("CloudConn", {Conn("CloudConn", "wrong"), Conn("CloudConn2", "b")});
  for (int i = 0; i < 30; ++i) {
    Set("CloudConn2", {Conn("CloudConn", "wrong"), Conn("CloudConn2", absl::StrCat("x", i))});
    EXPECT_TRUE(probations_.Confirm("CloudConn2", revision_));
  }
  EXPECT_THAT(Records(), SizeIs(20));
  EXPECT_EQ(Records().front(), "CloudConn 5..6 PENDING");
  EXPECT_EQ(Records().back(), "CloudConn2 35..36 CONFIRMED");
}

}  // namespace
}  // namespace fieldgate::config_store
