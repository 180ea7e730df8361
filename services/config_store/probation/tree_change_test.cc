#include "services/config_store/probation/tree_change.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/testing/cpu_time.h"
#include "common/tixml/codec.h"
#include "gtest/gtest.h"

namespace fieldgate::config_store {
namespace {

tixml::Node Tree(const std::string& children) {
  return tixml::Parse("[<ISP>" + children + "</ISP>]")->nodes.at(0);
}

// `target` after the change from `before` to `after`, in one line.
std::string Apply(const std::string& before, const std::string& after, const std::string& target) {
  tixml::Node tree = Tree(target);
  ApplyChange(Tree(before), Tree(after), tree);
  return tixml::WriteBody(tixml::Format::kTiXml, tree.children, "", /*braces=*/false)
      .substr(sizeof("<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n") - 1);
}

TEST(TreeChangeTest, WhatWasNotChangedStaysAsTheTargetHasIt) {
  EXPECT_EQ(Apply("<A _='1'/><B _='1'/>", "<A _='2'/><B _='1'/>", "<A _='1'/><B _='9'/><C/>"),
            "<A _=\"2\"/>\n<B _=\"9\"/>\n<C/>\n");
}

TEST(TreeChangeTest, NothingChangedChangesNothing) {
  EXPECT_EQ(Apply("<A/>", "<A/>", "<B/>"), "<B/>\n");
}

TEST(TreeChangeTest, AddedElementsAreAddedAndRemovedOnesRemoved) {
  EXPECT_EQ(Apply("<A/>", "<B/>", "<A/><C/>"), "<C/>\n<B/>\n");
}

TEST(TreeChangeTest, ChangesAreFoundAtAnyDepth) {
  EXPECT_EQ(Apply("<C><X><P _='1'/><Q _='1'/></X></C>", "<C><X><P _='2'/><Q _='1'/></X></C>",
                  "<C><X><P _='1'/><Q _='9'/></X><Y/></C>"),
            "<C><X><P _=\"2\"/><Q _=\"9\"/></X><Y/></C>\n");
}

TEST(TreeChangeTest, TextAndAttributesCountToo) {
  EXPECT_EQ(Apply("<A>x</A><B a='1'/>", "<A>y</A><B a='2'/>", "<A>x</A><B a='1'><C/></B>"),
            "<A>y</A>\n<B a=\"2\"><C/></B>\n");
}

TEST(TreeChangeTest, RepeatedSiblingsAreTakenAllTogether) {
  EXPECT_EQ(Apply("<A _='1'/><A _='2'/>", "<A _='1'/><A _='3'/>", "<A _='1'/><B/><A _='2'/>"),
            "<A _=\"1\"/>\n<A _=\"3\"/>\n<B/>\n");
}

TEST(TreeChangeTest, AChangedElementThatTheTargetHasNotIsTakenWhole) {
  EXPECT_EQ(Apply("<A><X/><Y _='1'/></A>", "<A><X/><Y _='2'/></A>", "<B/>"),
            "<B/>\n<A><X/><Y _=\"2\"/></A>\n");
}

// What a message can hold is 20,000 elements; with a pass over all of them for
// each, this would take minutes.
TEST(TreeChangeTest, ManyChangesTakeAboutAsLongAsTheSameTreesWithOne) {
  const auto tree = [](int from) {
    tixml::Node tree;
    for (int i = from; i < from + 20'000; ++i) {
      tree.Add(tixml::ValueNode(absl::StrCat("a", i), absl::StrCat(from)));
    }
    return tree;
  };
  const tixml::Node before = tree(0);
  tixml::Node one = before;
  one.children.back().Set("_", "changed");
  const auto apply = [&](const tixml::Node& after) {
    tixml::Node target = before;
    ApplyChange(before, after, target);
    EXPECT_EQ(target, after);
  };
  const absl::Duration usual = CpuTimeOf([&] { apply(one); });
  for (const tixml::Node& all : {tree(1), tree(10'000), tree(30'000)}) {
    EXPECT_LT(CpuTimeOf([&] { apply(all); }, 20 * usual), 20 * usual);
  }
}

}  // namespace
}  // namespace fieldgate::config_store
