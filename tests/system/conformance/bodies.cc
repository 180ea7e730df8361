#include "tests/system/conformance/bodies.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace fieldgate::system_test {
namespace {

constexpr absl::string_view kDeclaration = R"(<?xml version="1.0" encoding="UTF-8" ?>)";

std::string JsonText(absl::string_view text) {
  return absl::StrCat(
      "\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}), "\"");
}

std::string Value(absl::string_view name, absl::string_view value) {
  return absl::StrCat("<", name, " _=\"", value, "\"/>\n");
}

std::string Member(absl::string_view name, absl::string_view value) {
  return absl::StrCat("\"", name, "\": ", value);
}

std::string Framed(Wire wire, absl::string_view root, absl::string_view elements) {
  if (wire == Wire::kTiXml) return absl::StrCat("{\n", kDeclaration, "\n", elements, "}");
  return absl::StrCat(kDeclaration, "\n<", root, ">\n", elements, "</", root, ">\n");
}

std::string JsonRequest(const RequestFields& request) {
  std::string out = "{\n";
  if (request.request_id) {
    absl::StrAppend(&out, Member("request_id", JsonText(*request.request_id)), ",\n");
  }
  if (request.serial_number) {
    absl::StrAppend(&out, Member("serial_number", JsonText(*request.serial_number)), ",\n");
  }
  const Statement& content = request.content;
  if (request.kind == "cmd") {
    out += Member("cmd", content.json);
  } else if (request.kind == "config") {
    out += content.json.empty() ? Member("config_xml", JsonText(content.xml))
                                : Member("config", content.json);
  } else if (!content.xml.empty()) {
    out += Member("path", JsonText(content.xml));
  } else {
    out = std::string(absl::StripSuffix(out, ",\n"));
  }
  return out + "\n}";
}

std::string CanonicalXml(absl::string_view body) {
  std::string out;
  size_t text = 0;  // where the text began that `out` ends with
  bool tag = false;
  bool quoted = false;
  for (const char c : body) {
    const bool space = absl::ascii_isspace(static_cast<unsigned char>(c));
    if (tag && c == '"') quoted = !quoted;
    if (tag && !quoted && space) {
      if (out.back() != ' ') out += ' ';
      continue;
    }
    if (!tag && c == '<') {
      const std::string stripped(absl::StripAsciiWhitespace(out.substr(text)));
      out.replace(text, std::string::npos, stripped);
      tag = true;
    } else if (tag && !quoted && (c == '>' || c == '/' || c == '?') && out.back() == ' ') {
      out.pop_back();
    }
    out += c;
    if (tag && !quoted && c == '>') {
      tag = false;
      text = out.size();
    }
  }
  const std::string last(absl::StripAsciiWhitespace(out.substr(text)));
  return out.substr(0, text) + last;
}

std::string CanonicalJson(absl::string_view body) {
  std::string out;
  bool quoted = false;
  for (size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (!quoted && absl::ascii_isspace(static_cast<unsigned char>(c))) continue;
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\' && i + 1 < body.size()) {
      // TiXML in a text: the line ends between its elements mean nothing.
      size_t next = i + 2;
      while (next < body.size() && body[next] == ' ') ++next;
      if (body[i + 1] == 'n' && next < body.size() && (body[next] == '<' || body[next] == '"')) {
        i = next - 1;
        continue;
      }
      out += c;
      out += body[++i];
      continue;
    }
    out += c;
  }
  return out;
}

}  // namespace

std::string Name(Wire wire) {
  return wire == Wire::kTiXml ? "TiXML" : wire == Wire::kXml ? "XML" : "JSON";
}

std::string RequestBody(Wire wire, const RequestFields& request) {
  if (wire == Wire::kJson) return JsonRequest(request);
  std::string elements;
  if (request.request_id) elements += Value("request_id", *request.request_id);
  if (request.serial_number) elements += Value("serial_number", *request.serial_number);
  const std::string& content = request.content.xml;
  if (request.kind != "state") {
    absl::StrAppend(&elements, "<", request.kind, ">\n", content, "\n</", request.kind, ">\n");
  } else if (!content.empty()) {
    elements += Value("path", content);
  }
  return Framed(wire, request.kind, elements);
}

std::string ResultBody(Wire wire, const std::string& kind, int error_code,
                       const std::string& response_id, const Statement& content) {
  const std::string name = kind == "cmd"      ? "cmd_result"
                           : kind == "config" ? "config_result_xml"
                                              : "gateway_states";
  if (wire == Wire::kJson) {
    const std::string result = kind == "config" ? JsonText(content.xml) : content.json;
    return absl::StrCat("{", Member("error_code", absl::StrCat(error_code)), ",",
                        Member("response_id", JsonText(response_id)), ",", Member(name, result),
                        "}");
  }
  return Framed(
      wire, kind + "Result",
      absl::StrCat(Value("error_code", absl::StrCat(error_code)), Value("response_id", response_id),
                   "<", name, ">", content.xml, "</", name, ">\n"));
}

std::string Canonical(Wire wire, absl::string_view body) {
  return wire == Wire::kJson ? CanonicalJson(body) : CanonicalXml(body);
}

bool MatchesPattern(absl::string_view text, absl::string_view pattern) {
  constexpr absl::string_view kAny = "{any}";
  constexpr absl::string_view kMore = "{more}";
  const size_t at = std::min(pattern.find(kAny), pattern.find(kMore));
  if (at == absl::string_view::npos) return text == pattern;
  if (text.substr(0, at) != pattern.substr(0, at)) return false;
  text.remove_prefix(at);
  pattern.remove_prefix(at);
  const bool any = absl::ConsumePrefix(&pattern, kAny);
  if (!any) absl::ConsumePrefix(&pattern, kMore);
  for (size_t length = 0; length <= text.size(); ++length) {
    if (MatchesPattern(text.substr(length), pattern)) return true;
    if (any && length < text.size() &&
        absl::string_view("\"<>").find(text[length]) != absl::string_view::npos) {
      return false;
    }
  }
  return false;
}

}  // namespace fieldgate::system_test
