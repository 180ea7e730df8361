#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "common/tixml/utf8.h"
#include "common/tixml/xml_name.h"

namespace fieldgate::tixml {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

void AppendReference(char32_t code, std::string& out) {
  absl::StrAppend(&out, "&#x", absl::Hex(static_cast<uint32_t>(code)), ";");
}

// `frames`: also [ and ], which beside elements would be a command frame.
void AppendEscaped(absl::string_view text, bool frames, std::string& out) {
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char character = DecodeUtf8(text, pos);
    pos += character.length == 0 ? 1 : character.length;
    const char32_t code =
        character.length == 0 || !IsXmlChar(character.code) ? kReplacement : character.code;
    switch (code) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      default:
        if (code < 0x20 || code > 0x7E || (frames && (code == '[' || code == ']'))) {
          AppendReference(code, out);
        } else {
          out.push_back(static_cast<char>(code));
        }
    }
  }
}

// Indentation of the elements below; none: all in one line.
enum class Layout { kCompact, kIndented };

void AppendLineStart(Layout layout, int depth, std::string& out) {
  if (layout == Layout::kCompact) return;
  out.push_back('\n');
  out.append(static_cast<size_t>(2 * depth), ' ');
}

void AppendXml(const Node& node, Layout layout, int depth, std::string& out) {
  const std::string name = ToXmlName(node.name);
  out.push_back('<');
  out += name;
  for (const Attribute& attribute : node.attributes) {
    out.push_back(' ');
    out += ToXmlName(attribute.name);
    out += "=\"";
    AppendXmlEscaped(attribute.value, out);
    out.push_back('"');
  }
  if (node.children.empty() && node.text.empty()) {
    out += "/>";
    return;
  }
  out.push_back('>');
  AppendEscaped(node.text, !node.children.empty(), out);
  for (const Node& child : node.children) {
    AppendLineStart(layout, depth + 1, out);
    AppendXml(child, layout, depth + 1, out);
  }
  if (!node.children.empty()) AppendLineStart(layout, depth, out);
  absl::StrAppend(&out, "</", name, ">");
}

void AppendXmlLines(const std::vector<Node>& nodes, Layout layout, std::string& out) {
  for (const Node& node : nodes) {
    AppendXml(node, layout, 0, out);
    out.push_back('\n');
  }
}

void AppendJsonString(absl::string_view prefix, absl::string_view text, std::string& out) {
  out.push_back('"');
  out += std::string(prefix);
  AppendJsonEscaped(text, out);
  out.push_back('"');
}

bool IsOnlyValue(const Node& node) {
  return node.attributes.size() == 1 && node.attributes[0].name == "_" && node.children.empty() &&
         node.text.empty();
}

void AppendJson(const Node& node, std::string& out);

// As in the manual's bodies: "response_id": "x", "error_code": 0.
void AppendJsonEnvelope(const Node& node, std::string& out) {
  if (!IsOnlyValue(node)) return AppendJson(node, out);
  const std::string& value = node.attributes[0].value;
  int number;
  // Only what reads back as the same text.
  if (node.name == "error_code" && absl::SimpleAtoi(value, &number) &&
      absl::StrCat(number) == value) {
    out += value;
  } else {
    AppendJsonString("", value, out);
  }
}

// "a":{...},"b":[{...},null]: same-named siblings become one array where the
// first of them stands.
template <typename AppendOne>
void AppendJsonMembers(const std::vector<Node>& nodes, AppendOne append_one, std::string& out) {
  absl::flat_hash_map<absl::string_view, size_t> group_of;
  std::vector<std::vector<const Node*>> groups;
  for (const Node& node : nodes) {
    const auto [found, added] = group_of.try_emplace(node.name, groups.size());
    if (added) groups.emplace_back();
    groups[found->second].push_back(&node);
  }
  absl::string_view comma;
  for (const std::vector<const Node*>& group : groups) {
    out += std::string(comma);
    comma = ",";
    AppendJsonString("", group[0]->name, out);
    out += group.size() > 1 ? ":[" : ":";
    for (const Node* node : group) {
      if (node != group[0]) out.push_back(',');
      append_one(*node, out);
    }
    if (group.size() > 1) out.push_back(']');
  }
}

void AppendJson(const Node& node, std::string& out) {
  if (node.attributes.empty() && node.children.empty() && node.text.empty()) {
    out += "null";
    return;
  }
  out.push_back('{');
  const auto comma = [&] {
    if (out.back() != '{') out.push_back(',');
  };
  for (const Attribute& attribute : node.attributes) {
    comma();
    AppendJsonString("-", attribute.name, out);
    out.push_back(':');
    AppendJsonString("", attribute.value, out);
  }
  if (!node.text.empty()) {
    comma();
    out += "\"#text\":";
    AppendJsonString("", node.text, out);
  }
  if (!node.children.empty()) {
    comma();
    AppendJsonMembers(node.children, AppendJson, out);
  }
  out.push_back('}');
}

}  // namespace

std::string ToXmlName(absl::string_view id) {
  std::string name;
  name.reserve(id.size());
  for (size_t pos = 0; pos < id.size();) {
    const Utf8Char character = DecodeUtf8(id, pos);
    const size_t length = character.length == 0 ? 1 : character.length;
    const bool digit = character.code >= '0' && character.code <= '9';
    if (pos == 0 && digit) name.push_back('_');
    const bool valid =
        pos == 0 && !digit ? IsNameStart(character.code) : IsNameChar(character.code);
    name += valid ? std::string(id.substr(pos, length)) : "_";
    pos += length;
  }
  return name.empty() ? "_" : name;
}

void AppendXmlEscaped(absl::string_view text, std::string& out) {
  AppendEscaped(text, /*frames=*/false, out);
}

void AppendJsonEscaped(absl::string_view text, std::string& out) {
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char character = DecodeUtf8(text, pos);
    if (character.length == 0) {
      AppendUtf8(kReplacement, out);
      ++pos;
      continue;
    }
    switch (character.code) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (character.code < 0x20) {
          absl::StrAppend(&out, "\\u",
                          absl::Hex(static_cast<uint32_t>(character.code), absl::kZeroPad4));
        } else {
          out.append(text.data() + pos, character.length);
        }
    }
    pos += character.length;
  }
}

std::string WriteElement(const Node& node) {
  std::string out;
  AppendXml(node, Layout::kIndented, 0, out);
  out.push_back('\n');
  return out;
}

std::string WriteBody(Format format, const std::vector<Node>& nodes, absl::string_view root,
                      bool braces) {
  std::string out;
  switch (format) {
    case Format::kTiXml:
      if (braces) out += "{\n";
      out += "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n";
      AppendXmlLines(nodes, Layout::kCompact, out);
      if (braces) out += "}";
      break;
    case Format::kXml: {
      const std::string name = ToXmlName(root);
      absl::StrAppend(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<", name, ">\n");
      AppendXmlLines(nodes, Layout::kCompact, out);
      absl::StrAppend(&out, "</", name, ">\n");
      break;
    }
    case Format::kJson:
      out.push_back('{');
      AppendJsonMembers(nodes, AppendJsonEnvelope, out);
      out.push_back('}');
      break;
  }
  return out;
}

std::string WriteFramed(Format format, const std::vector<Node>& nodes) {
  std::string out;
  switch (format) {
    case Format::kTiXml:
      out.push_back('[');
      AppendXmlLines(nodes, Layout::kIndented, out);
      if (out.back() == '\n') out.pop_back();
      out.push_back(']');
      break;
    case Format::kXml:
      AppendXmlLines(nodes, Layout::kIndented, out);
      break;
    case Format::kJson:
      out.push_back('{');
      AppendJsonMembers(nodes, AppendJson, out);
      out.push_back('}');
      break;
  }
  return out;
}

}  // namespace fieldgate::tixml
