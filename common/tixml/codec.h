#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tixml/limits.h"
#include "common/tixml/node.h"

namespace fieldgate::tixml {

enum class Format { kTiXml, kXml, kJson };

struct Document {
  Format format = Format::kTiXml;  // detected
  // Top-level elements in order: of TiXML those between the braces or in the
  // command frame [ ]; of XML those of a root that `roots` names, else
  // the root; of JSON the members of the object (or objects of the array).
  std::vector<Node> nodes;
};

// Parses any of the three formats, detected from the first significant
// characters.
//
// TiXML: with or without { }, with or without the XML declaration, commands
// with or without [ ] (at the top or inside an element), with comments (also
// the ill-formed <!---- ... ---->), CRLF, BOM. Pieces of mixed text are joined
// by a space. Names are those that ToXmlName leaves as they are.
//
// XML reads the same. It is kXml if there are neither braces nor a frame but
// one top-level element, which has an XML declaration before it or is named
// in `roots`; of one named in `roots` the children are the document's nodes.
//
// JSON: RFC 8259, with attribute a as member "-a", repeated siblings as an
// array, an empty element as null, text as "#text". A member that is a plain
// value is an element with that as "_"; numbers and booleans become text, and
// integers keep every digit; an array in an array is as if its items stood
// there; a member twice is an error. Names may be anything; lines are 0.
//
// Thread-safe; throws nothing. The message of an error names line and column
// and what would be right.
// kInvalidArgument:   not well-formed, a DTD, an undefined entity, not UTF-8.
// kResourceExhausted: over a limit.
absl::StatusOr<Document> Parse(absl::string_view text,
                               const std::vector<absl::string_view>& roots = {});

// Writes `nodes` as a body: TiXML `{\n<?xml ...?>\n...\n}` (without the braces
// when `braces` is false), XML under one root named `root`, JSON as one
// object. In TiXML and XML, characters outside ASCII and \r \n \t are numeric
// entities, except in names, which have none.
// JSON: a top-level node that has "_" and nothing else is a plain member, as
// in the manual's bodies ("response_id": "x"), and error_code a number.
// Names that are no XML names are changed as ToXmlName does, except in JSON.
std::string WriteBody(Format format, const std::vector<Node>& nodes, absl::string_view root,
                      bool braces = true);

// Answers to commands as TICO shows them: TiXML in [ ], XML one element after
// the other, JSON one object.
std::string WriteFramed(Format format, const std::vector<Node>& nodes);

// One element and its subtree as XML, indented, for people and for storage.
std::string WriteElement(const Node& node);

// Makes an id an XML name: each invalid character becomes '_', a leading
// digit gets '_' before it. "" becomes "_". Valid are ASCII letters, digits,
// '_', ':', '-' and '.' (these two not as the first), and the letters of Latin,
// Greek and Cyrillic and the ideographs that every XML parser accepts.
std::string ToXmlName(absl::string_view id);

// Appends `text` for an attribute value: the five predefined entities, \r \n
// \t and everything outside ASCII as entities. Invalid UTF-8 becomes &#xfffd;.
void AppendXmlEscaped(absl::string_view text, std::string& out);
// Appends `text` for a JSON string, without the quotes.
void AppendJsonEscaped(absl::string_view text, std::string& out);

}  // namespace fieldgate::tixml
