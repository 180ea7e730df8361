#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/tixml/codec.h"
#include "common/tixml/json_parse.h"
#include "common/tixml/prescan.h"
#include "common/tixml/text_position.h"
#include "common/tixml/utf8.h"
#include "common/tixml/xml_parse.h"

namespace fieldgate::tixml {
namespace {

// Both start with '{' or '['; what follows tells them apart.
absl::StatusOr<bool> IsJson(absl::string_view text) {
  constexpr absl::string_view kSpace = " \t\r\n";
  constexpr auto npos = absl::string_view::npos;
  const size_t first = text.find_first_not_of(kSpace);
  if (first == npos) {
    return absl::InvalidArgumentError("the message is empty; expected TiXML or JSON");
  }
  if (text[first] == '<') return false;
  const size_t second = text.find_first_not_of(kSpace, first + 1);
  const char next = second == npos ? '\0' : text[second];
  if (text[first] == '[') return next != '<';
  if (text[first] != '{') {
    return ErrorAt(absl::StatusCode::kInvalidArgument, text, first,
                   "expected TiXML or JSON: one of < { [");
  }
  if (next == '<' || next == '[') return false;
  if (next == '"' || next == '}') return true;
  return ErrorAt(absl::StatusCode::kInvalidArgument, text, second == npos ? text.size() : second,
                 "expected an element, or a JSON member in double quotes, after {");
}

// XML reads as TiXML without braces and frame; it is taken for XML when it
// could be nothing less: one element, with a declaration or a known root.
void DetectXml(const Prescanned& prescanned, const std::vector<absl::string_view>& roots,
               Document& document) {
  if (prescanned.braces || prescanned.frame || document.nodes.size() != 1) return;
  if (prescanned.declaration) document.format = Format::kXml;
  if (std::find(roots.begin(), roots.end(), document.nodes[0].name) == roots.end()) return;
  document.format = Format::kXml;
  std::vector<Node> children = std::move(document.nodes[0].children);
  document.nodes = std::move(children);
}

}  // namespace

absl::StatusOr<Document> Parse(absl::string_view text,
                               const std::vector<absl::string_view>& roots) {
  if (text.size() > kMaxBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the message has ", text.size(), " bytes; at most ", kMaxBytes));
  }
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  if (const size_t invalid = FindInvalidUtf8(text); invalid != absl::string_view::npos) {
    return ErrorAt(absl::StatusCode::kInvalidArgument, text, invalid, "not valid UTF-8");
  }
  const absl::StatusOr<bool> is_json = IsJson(text);
  if (!is_json.ok()) return is_json.status();
  Document document;
  if (*is_json) {
    absl::StatusOr<std::vector<Node>> nodes = ParseJson(text);
    if (!nodes.ok()) return nodes.status();
    document.format = Format::kJson;
    document.nodes = *std::move(nodes);
    return document;
  }
  absl::StatusOr<Prescanned> prescanned = Prescan(text);
  if (!prescanned.ok()) return prescanned.status();
  absl::StatusOr<std::vector<Node>> nodes = ParseXml(*prescanned);
  if (!nodes.ok()) return nodes.status();
  document.nodes = *std::move(nodes);
  DetectXml(*prescanned, roots, document);
  return document;
}

}  // namespace fieldgate::tixml
