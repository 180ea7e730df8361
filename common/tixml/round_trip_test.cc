// Any tree survives any way through the formats, and any way of writing it reads
// as the same tree (PROTOCOL 1). Trees and spellings are random; a failure
// names its seed.
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/tixml/codec.h"
#include "common/value/value.h"
#include "gtest/gtest.h"

namespace fieldgate::tixml {
namespace {

class Random {
 public:
  explicit Random(unsigned seed) : random_(seed) {}

  int Below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool OneIn(int n) { return Below(n) == 0; }
  const char* OneOf(const std::vector<const char*>& all) {
    return all[static_cast<size_t>(Below(static_cast<int>(all.size())))];
  }

 private:
  std::mt19937 random_;
};

class Trees {
 public:
  explicit Trees(unsigned seed) : random_(seed) {}

  std::vector<Node> Siblings(int depth) {
    std::vector<Node> nodes;
    for (int i = random_.Below(6) + (depth == 0 ? 1 : 0); i > 0; --i) nodes.push_back(Tree(depth));
    return nodes;
  }

 private:
  std::string Name() {
    return random_.OneOf({"a", "b", "_", "error_code", "request_id", "\u00c4x", "b-1", "c.d", "e:f",
                          "Realtime1", "null", "xml"});
  }

  std::string Text() {
    std::string text;
    for (int i = random_.Below(6); i > 0; --i) {
      text += random_.OneOf(
          {"x",    "0",   "-1.5", "\n",   "\t",     "\r",         " ",          "<",      "&",
           "]]>",  "\"",  "'",    "[",    "]",      "{",          "}",          "--",     "\\",
           "\x7f", "/",   "&lt;", "-_",   "\u00b0", "\u20ac",     "\U0001F600", "#",      "\u0085",
           "-->",  "<!-", "null", "\r\n", "\u2028", "\U0010FFFD", "\\u0041",    "&#x41;", ","});
    }
    return text;
  }

  // Also what JSON has other forms for.
  std::string Value() {
    if (random_.OneIn(3)) {
      return random_.OneOf({"0", "-1", "23.9", "true", "false", "18446744073709551616", "1e+15",
                            "007", "-0", "1.10", "null", "9007199254740993", "0.000001"});
    }
    return Text();
  }

  Node Tree(int depth) {
    Node node;
    node.name = Name();
    for (int i = random_.Below(3); i > 0; --i) {
      node.Set(random_.OneIn(2) ? "_" : Name(), Value());
    }
    // Text stands without space around it.
    if (random_.OneIn(3)) node.text = absl::StrCat("[", Text(), "]");
    if (depth < 4 && random_.OneIn(2)) node.children = Siblings(depth + 1);
    return node;
  }

  Random random_;
};

// What JSON keeps: siblings of one name stand where the first of them stood.
std::vector<Node> Grouped(const std::vector<Node>& nodes) {
  std::map<std::string, size_t> group_of;
  std::vector<std::vector<Node>> groups;
  for (Node node : nodes) {
    node.children = Grouped(node.children);
    const auto [found, added] = group_of.try_emplace(node.name, groups.size());
    if (added) groups.emplace_back();
    groups[found->second].push_back(std::move(node));
  }
  std::vector<Node> all;
  for (std::vector<Node>& group : groups) {
    for (Node& node : group) all.push_back(std::move(node));
  }
  return all;
}

std::vector<Node> Parsed(const std::string& text) {
  const absl::StatusOr<Document> document = Parse(text, {"root"});
  EXPECT_TRUE(document.ok()) << document.status() << "\n" << text;
  return document.ok() ? document->nodes : std::vector<Node>();
}

constexpr unsigned kRounds = 400;

TEST(RoundTripTest, TiXmlThroughJsonIsTheSameTree) {
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    const std::vector<Node> nodes = Trees(seed).Siblings(0);
    const std::string tixml = WriteBody(Format::kTiXml, nodes, "");
    ASSERT_EQ(Parsed(tixml), nodes) << "seed " << seed << "\n" << tixml;
    const std::string json = WriteBody(Format::kJson, Parsed(tixml), "");
    ASSERT_EQ(Parsed(json), Grouped(nodes)) << "seed " << seed << "\n" << json;
    ASSERT_EQ(WriteBody(Format::kTiXml, Parsed(json), ""),
              WriteBody(Format::kTiXml, Grouped(nodes), ""))
        << "seed " << seed << "\n"
        << json;
  }
}

TEST(RoundTripTest, XmlThroughJsonIsTheSameTree) {
  for (unsigned seed = kRounds; seed < 2 * kRounds; ++seed) {
    const std::vector<Node> nodes = Trees(seed).Siblings(0);
    const std::string xml = WriteBody(Format::kXml, nodes, "root");
    ASSERT_EQ(Parsed(xml), nodes) << "seed " << seed << "\n" << xml;
    const std::string json = WriteBody(Format::kJson, Parsed(xml), "root");
    ASSERT_EQ(WriteBody(Format::kXml, Parsed(json), "root"),
              WriteBody(Format::kXml, Grouped(nodes), "root"))
        << "seed " << seed << "\n"
        << json;
  }
}

TEST(RoundTripTest, AnswersAndStoredElementsAreTheSameTree) {
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    const std::vector<Node> nodes = Trees(seed).Siblings(0);
    for (const Format format : {Format::kTiXml, Format::kXml, Format::kJson}) {
      const std::string framed = WriteFramed(format, nodes);
      ASSERT_EQ(Parsed(framed), format == Format::kJson ? Grouped(nodes) : nodes)
          << "seed " << seed << "\n"
          << framed;
    }
    ASSERT_EQ(Parsed(WriteElement(nodes[0])).at(0), nodes[0]) << "seed " << seed;
  }
}

// Writes trees as others might: quotes, entities, CDATA, comments, frames.
class TiXmlSpelling {
 public:
  explicit TiXmlSpelling(unsigned seed) : random_(seed) {}

  std::string Body(const std::vector<Node>& nodes) {
    std::string out = random_.OneIn(3) ? "\xEF\xBB\xBF" : "";
    const bool braces = random_.OneIn(2);
    out += braces ? absl::StrCat(Space(), "{", Space()) : Space();
    if (random_.OneIn(2)) {
      out += random_.OneOf({"<?xml version=\"1.0\" encoding=\"UTF-8\" ?>", "<?xml version='1.0'?>",
                            "<?xml version=\"1.0\" encoding='us-ascii'?>"});
    }
    for (size_t i = 0; i < nodes.size();) {
      const bool frame = random_.OneIn(3);
      if (frame) out += "[";
      do {
        out += Between() + Element(nodes[i++]);
      } while (i < nodes.size() && random_.OneIn(2));
      out += Between();
      if (frame) out += "]";
    }
    return out + Space() + (braces ? "}" : "") + Space();
  }

 private:
  std::string Space() { return random_.OneOf({"", "", " ", "\n", "\r\n", "\t", "\r"}); }

  std::string Between() {
    std::string out = Space();
    if (random_.OneIn(3)) {
      out += random_.OneOf({"<!-- x -->", "<!---- <b a='> ---->", "<!--------- [ --------->",
                            "<!---->", "<?what ever?>"});
    }
    return out + Space();
  }

  std::string Element(const Node& node) {
    std::string out = "<" + node.name;
    for (const Attribute& attribute : node.attributes) {
      const char quote = random_.OneIn(2) ? '"' : '\'';
      absl::StrAppend(&out, random_.OneOf({" ", "\n", "\t ", "\r\n  "}), attribute.name, Space(),
                      "=", Space(), std::string(1, quote));
      out += Characters(attribute.value, quote, /*all_brackets=*/false) + quote;
    }
    out += Space();
    if (node.text.empty() && node.children.empty() && random_.OneIn(2)) return out + "/>";
    out += ">" + Space() + Text(node);
    for (const Node& child : node.children) out += Between() + Element(child);
    if (!node.children.empty()) out += Between();
    return absl::StrCat(out, Space(), "</", node.name, Space(), ">");
  }

  std::string Text(const Node& node) {
    // Beside elements, brackets alone would be a frame.
    const bool cdata = random_.OneIn(3) && !absl::StrContains(node.text, "]]>") &&
                       !absl::StrContains(node.text, "\r");
    std::string out = cdata ? absl::StrCat("<![CDATA[", node.text, "]]>")
                            : Characters(node.text, '>', !node.children.empty());
    if (!node.text.empty() && random_.OneIn(4)) out += "<!-- -- -->";
    return out;
  }

  // `quote` can't stand for itself; neither can what XML changes.
  std::string Characters(const std::string& text, char quote, bool all_brackets) {
    std::string out;
    for (size_t i = 0; i < text.size();) {
      const auto lead = static_cast<unsigned char>(text[i]);
      const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
      const std::string character = text.substr(i, length);
      i += length;
      const bool must = absl::StrContains("<&\r\n\t", character) || text[i - length] == quote ||
                        (all_brackets && absl::StrContains("[]", character));
      if (!must && !random_.OneIn(5)) {
        out += character;
      } else if (length == 1 && absl::StrContains("<>&\"'", character) && random_.OneIn(2)) {
        static const std::map<char, const char*> kNames = {
            {'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&apos;"}};
        out += kNames.at(character[0]);
      } else {
        const uint32_t code = CodeOf(character);
        out += random_.OneIn(2)   ? absl::StrFormat("&#%d;", code)
               : random_.OneIn(2) ? absl::StrFormat("&#x%x;", code)
                                  : absl::StrFormat("&#x%04X;", code);
      }
    }
    return out;
  }

  static uint32_t CodeOf(const std::string& character) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(character[i]); };
    switch (character.size()) {
      case 1:
        return byte(0);
      case 2:
        return (byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
      case 3:
        return (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
      default:
        return (byte(0) & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 |
               (byte(3) & 0x3Fu);
    }
  }

  Random random_;
};

TEST(SpellingTest, EveryWayToWriteTiXmlReadsAsTheSameTree) {
  for (unsigned seed = 0; seed < 3 * kRounds; ++seed) {
    const std::vector<Node> nodes = Trees(seed).Siblings(0);
    const std::string text = TiXmlSpelling(seed).Body(nodes);
    const absl::StatusOr<Document> document = Parse(text);
    ASSERT_TRUE(document.ok()) << "seed " << seed << ": " << document.status() << "\n" << text;
    ASSERT_EQ(document->nodes, nodes) << "seed " << seed << "\n" << text;
  }
}

// The same for JSON: white space, escapes, numbers and booleans for texts, arrays.
class JsonSpelling {
 public:
  explicit JsonSpelling(unsigned seed) : random_(seed) {}

  std::string Body(const std::vector<Node>& nodes) {
    if (!random_.OneIn(3)) return Space() + Object("", nodes) + Space();
    // A command after the other, each an object of its own.
    std::string out = "[";
    for (const Node& node : nodes) {
      absl::StrAppend(&out, out.size() > 1 ? "," : "", Space(), Object("", {node}), Space());
    }
    return out + "]";
  }

 private:
  std::string Space() { return random_.OneOf({"", "", " ", "\n", "\r\n\t"}); }

  // {`members`, one member a name of `nodes`}; siblings of one name are together.
  std::string Object(std::string members, const std::vector<Node>& nodes) {
    for (size_t i = 0; i < nodes.size();) {
      size_t end = i + 1;
      while (end < nodes.size() && nodes[end].name == nodes[i].name) ++end;
      if (!members.empty()) members += Space() + ",";
      members += Space() + String(nodes[i].name) + Space() + ":" + Space();
      members += Values(nodes, i, end);
      i = end;
    }
    return "{" + members + Space() + "}";
  }

  std::string Values(const std::vector<Node>& nodes, size_t begin, size_t end) {
    if (end - begin == 1 && !random_.OneIn(5)) return Element(nodes[begin]);
    std::string out = "[";
    for (size_t i = begin; i < end; ++i) {
      const bool nested = random_.OneIn(5);
      absl::StrAppend(&out, i > begin ? "," : "", Space(), nested ? "[" : "", Element(nodes[i]),
                      nested ? "]" : "", Space());
    }
    return out + "]";
  }

  std::string Element(const Node& node) {
    if (node.attributes.empty() && node.children.empty() && node.text.empty()) {
      return random_.OneIn(2) ? "null" : "{}";
    }
    const bool only_value = node.attributes.size() == 1 && node.attributes[0].name == "_" &&
                            node.children.empty() && node.text.empty();
    // As a plain value, null would be an element without any.
    if (only_value && !node.attributes[0].value.empty() && random_.OneIn(2)) {
      return Scalar(node.attributes[0].value);
    }
    std::string members;
    for (const Attribute& attribute : node.attributes) {
      absl::StrAppend(&members, members.empty() ? "" : ",", Space(), String("-" + attribute.name),
                      ":", Space(), Scalar(attribute.value));
    }
    if (!node.text.empty()) {
      absl::StrAppend(&members, members.empty() ? "" : ",", String("#text"), ":",
                      String(node.text));
    }
    return Object(members, node.children);
  }

  // A number or a boolean where that reads back as the same text.
  std::string Scalar(const std::string& text) {
    const bool literal = text == "true" || text == "false" || text == "18446744073709551616";
    if (random_.OneIn(2) && (literal || IsCanonicalNumber(text))) return text;
    if (text.empty() && random_.OneIn(3)) return "null";
    return String(text);
  }

  static bool IsCanonicalNumber(const std::string& text) {
    const Value value = InferValue(text);
    return ToNumber(value).has_value() && !std::holds_alternative<bool>(value) &&
           ToText(value) == text && absl::ascii_isdigit(static_cast<unsigned char>(text.back()));
  }

  std::string String(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || (byte < 0x80 && random_.OneIn(8))) {
        absl::StrAppendFormat(&out, "\\u%04x", byte);
      } else if (c == '"' || c == '\\' || (c == '/' && random_.OneIn(2))) {
        out += std::string("\\") + c;
      } else {
        out += c;
      }
    }
    return out + "\"";
  }

  Random random_;
};

TEST(SpellingTest, EveryWayToWriteJsonReadsAsTheSameTree) {
  for (unsigned seed = 0; seed < 3 * kRounds; ++seed) {
    const std::vector<Node> nodes = Grouped(Trees(seed).Siblings(0));
    const std::string text = JsonSpelling(seed).Body(nodes);
    const absl::StatusOr<Document> document = Parse(text);
    ASSERT_TRUE(document.ok()) << "seed " << seed << ": " << document.status() << "\n" << text;
    ASSERT_EQ(document->format, Format::kJson);
    ASSERT_EQ(document->nodes, nodes) << "seed " << seed << "\n" << text;
  }
}

}  // namespace
}  // namespace fieldgate::tixml
