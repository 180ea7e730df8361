// Whatever Parse accepts is within the limits and survives being written and
// read again in every format.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/tixml/codec.h"

namespace fieldgate::tixml {
namespace {

void Check(bool holds) {
  if (!holds) __builtin_trap();
}

int CountNodes(const Node& node, int depth) {
  Check(depth <= kMaxDepth);
  Check(node.attributes.size() <= static_cast<size_t>(kMaxAttributes));
  int count = 1;
  for (const Node& child : node.children) count += CountNodes(child, depth + 1);
  return count;
}

bool HasXmlNames(const Node& node) {
  if (ToXmlName(node.name) != node.name) return false;
  for (const Attribute& attribute : node.attributes) {
    if (ToXmlName(attribute.name) != attribute.name) return false;
  }
  for (const Node& child : node.children) {
    if (!HasXmlNames(child)) return false;
  }
  return true;
}

// Writing may need more room than the limit on what is read.
void CheckRoundTrip(const std::vector<Node>& nodes, Format format) {
  const std::string body = WriteBody(format, nodes, "root");
  if (body.size() > kMaxBytes) return;
  const absl::StatusOr<Document> again = Parse(body, {"root"});
  Check(again.ok());
  // JSON puts siblings of one name together: the order then stays.
  Check(format == Format::kJson ? WriteBody(format, again->nodes, "root") == body
                                : again->nodes == nodes);
}

void CheckInput(absl::string_view text) {
  const absl::StatusOr<Document> document = Parse(text);
  if (!document.ok()) return;
  int count = 0;
  bool xml_names = true;
  for (const Node& node : document->nodes) {
    count += CountNodes(node, 1);
    xml_names = xml_names && HasXmlNames(node);
  }
  Check(count <= kMaxNodes);
  Check(xml_names || document->format == Format::kJson);
  CheckRoundTrip(document->nodes, Format::kJson);
  if (xml_names && !document->nodes.empty()) CheckRoundTrip(document->nodes, Format::kTiXml);
}

}  // namespace
}  // namespace fieldgate::tixml

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fieldgate::tixml::CheckInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
