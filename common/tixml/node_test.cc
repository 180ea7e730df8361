#include "common/tixml/node.h"

#include "common/tixml/limits.h"
#include "common/tixml/node_proto.h"
#include "gtest/gtest.h"
#include "proto/tixml.pb.h"

namespace fieldgate::tixml {
namespace {

Node Example() {
  Node node = ValueNode("SetConfig", "ISP");
  node.line = 3;
  node.Set("ver", "y");
  node.Add(ValueNode("a", "1"));
  node.Add(ValueNode("b", "2")).text = "text";
  node.Add(ValueNode("a", "3")).line = 6;
  return node;
}

TEST(NodeTest, FindsAttributesAndTheFirstChildOfAName) {
  Node node = Example();
  ASSERT_NE(node.Find("ver"), nullptr);
  EXPECT_EQ(*node.Find("ver"), "y");
  EXPECT_EQ(node.Find("Ver"), nullptr);
  ASSERT_NE(node.Child("a"), nullptr);
  EXPECT_EQ(*node.Child("a")->Find("_"), "1");
  EXPECT_EQ(node.Child("c"), nullptr);
}

TEST(NodeTest, SetReplacesAnAttributeInItsPlace) {
  Node node = Example();
  node.Set("_", "USER");
  EXPECT_EQ(node.attributes, (std::vector<Attribute>{{"_", "USER"}, {"ver", "y"}}));
}

TEST(NodeTest, LinesDontCountForEquality) {
  Node other = Example();
  other.line = 99;
  EXPECT_EQ(other, Example());
  other.text = "x";
  EXPECT_FALSE(other == Example());
}

TEST(NodeProtoTest, ThereAndBackIsTheSameTreeWithItsLines) {
  v1::Node proto;
  proto.set_name("to be replaced");
  proto.add_children();
  ToProto(Example(), &proto);
  const absl::StatusOr<Node> node = FromProto(proto);
  ASSERT_TRUE(node.ok()) << node.status();
  EXPECT_EQ(*node, Example());
  EXPECT_EQ(node->line, 3);
  EXPECT_EQ(node->children[2].line, 6);
}

TEST(NodeProtoTest, RefusesTooDeepATree) {
  v1::Node root;
  v1::Node* deepest = &root;
  for (int depth = 1; depth < kMaxDepth; ++depth) deepest = deepest->add_children();
  EXPECT_TRUE(FromProto(root).ok());
  deepest->add_children();
  EXPECT_EQ(FromProto(root).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(NodeProtoTest, RefusesTooManyNodes) {
  v1::Node root;
  for (int nodes = 1; nodes < kMaxNodes; ++nodes) root.add_children();
  EXPECT_TRUE(FromProto(root).ok());
  root.add_children();
  EXPECT_EQ(FromProto(root).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace fieldgate::tixml
