// Any format: whatever Parse accepts is within the limits and survives being
// written and read again in every format.
#include <algorithm>
#include <string>
#include <vector>

#include "common/tixml/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/trees.h"

namespace fieldgate::fuzz {
namespace {

using tixml::Document;
using tixml::Format;
using tixml::Node;

void CheckReadsAs(const std::string& text, const std::vector<Node>& nodes, Format format) {
  // Writing may need more room than the limit on what is read.
  if (text.size() > tixml::kMaxBytes) return;
  const absl::StatusOr<Document> again = tixml::Parse(text, {"root"});
  Check(again.ok(), "what was written can't be read");
  if (format == Format::kJson) {
    Check(again->nodes == GroupedByName(nodes), "JSON gave another tree");
    Check(WriteBody(format, again->nodes, "root") == WriteBody(format, nodes, "root"),
          "JSON is not stable");
  } else {
    Check(again->nodes == nodes, "another tree");
  }
}

void CheckLines(const std::vector<Node>& nodes, int lines, bool json) {
  for (const Node& node : nodes) {
    Check(json ? node.line == 0 : node.line >= 1 && node.line <= lines, "no line of the text");
    CheckLines(node.children, lines, json);
  }
}

void CheckInput(absl::string_view text) {
  const absl::StatusOr<Document> document = Bounded([&] { return tixml::Parse(text, {"data"}); });
  if (!document.ok()) return CheckRefusal(document.status());
  const bool json = document->format == Format::kJson;
  CheckLimits(document->nodes);
  CheckLines(document->nodes,
             1 + static_cast<int>(std::count_if(text.begin(), text.end(),
                                                [](char c) { return c == '\n' || c == '\r'; })),
             json);
  const bool xml_names = HasXmlNames(document->nodes);
  Check(xml_names || json, "a name that XML can't have");
  CheckReadsAs(WriteBody(Format::kJson, document->nodes, "root"), document->nodes, Format::kJson);
  if (!xml_names || document->nodes.empty()) return;
  CheckReadsAs(WriteBody(Format::kTiXml, document->nodes, "root"), document->nodes, Format::kTiXml);
  if (DepthOf(document->nodes) < tixml::kMaxDepth && CountOf(document->nodes) < tixml::kMaxNodes) {
    CheckReadsAs(WriteBody(Format::kXml, document->nodes, "root"), document->nodes, Format::kXml);
  }
  CheckReadsAs(WriteFramed(Format::kTiXml, document->nodes), document->nodes, Format::kTiXml);
  CheckReadsAs(tixml::WriteElement(document->nodes[0]), {document->nodes[0]}, Format::kTiXml);
}

}  // namespace
}  // namespace fieldgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fieldgate::fuzz::CheckInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
