#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tixml/node.h"

namespace fieldgate::tixml {

enum class Format { kTiXml, kXml, kJson };

// Limits on whatever comes from outside; beyond them a message is refused
// within 100 ms and nothing of it is used.
inline constexpr size_t kMaxBytes = 256 * 1024;
inline constexpr int kMaxDepth = 64;
inline constexpr int kMaxNodes = 20'000;
inline constexpr int kMaxAttributes = 64;

struct Document {
  Format format = Format::kTiXml;  // detected
  // Top-level elements in order: of TiXML those between the braces or in the
  // command frame [ ]; of XML those of a root that `roots_looked_through`
  // names; of JSON the members of the object (or objects of the array).
  std::vector<Node> nodes;
};

// Parses any of the three formats, detected from the first significant
// character. TiXML: with or without { }, with or without the XML declaration,
// commands with or without [ ], with comments (also the ill-formed
// <!---- ... ---->), CRLF, BOM. JSON: RFC 8259, with attribute a as member
// "-a", repeated siblings as an array, an empty element as null, text as
// "#text"; numbers and booleans become text.
//
// XML and a single top-level element named in `roots`: its children are the
// document's nodes.
//
// Thread-safe; throws nothing. The message of an error names line and column
// and what would be right.
// kInvalidArgument:   not well-formed, a DTD, an undefined entity, not UTF-8.
// kResourceExhausted: over a limit.
absl::StatusOr<Document> Parse(absl::string_view text,
                               const std::vector<absl::string_view>& roots = {});

// Writes `nodes` as a body: TiXML `{\n<?xml ...?>\n...\n}` (without the braces
// when `braces` is false), XML under one root named `root`, JSON as one
// object. TiXML and XML are pure ASCII: other characters and \r \n \t in
// attributes are numeric entities.
std::string WriteBody(Format format, const std::vector<Node>& nodes, absl::string_view root,
                      bool braces = true);

// Answers to commands as TICO shows them: TiXML in [ ], XML one element after
// the other, JSON one object.
std::string WriteFramed(Format format, const std::vector<Node>& nodes);

// One element and its subtree as XML, indented, for people and for storage.
std::string WriteElement(const Node& node);

// Makes an id an XML name: each invalid character becomes '_', a leading
// digit gets '_' before it. "" becomes "_".
std::string ToXmlName(absl::string_view id);

// Appends `text` for an attribute value: the five predefined entities, \r \n
// \t and everything outside ASCII as entities. Invalid UTF-8 becomes &#xfffd;.
void AppendXmlEscaped(absl::string_view text, std::string& out);
// Appends `text` for a JSON string, without the quotes.
void AppendJsonEscaped(absl::string_view text, std::string& out);

}  // namespace fieldgate::tixml
