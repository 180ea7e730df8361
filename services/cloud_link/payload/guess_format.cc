#include "services/cloud_link/payload/guess_format.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace fieldgate::cloud_link {

tixml::Format GuessFormat(absl::string_view text) {
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  text = absl::StripLeadingAsciiWhitespace(text);
  if (absl::StartsWith(text, "<?xml")) return tixml::Format::kXml;
  if (text.empty() || (text[0] != '{' && text[0] != '[')) return tixml::Format::kTiXml;
  const bool brace = text[0] == '{';
  text = absl::StripLeadingAsciiWhitespace(text.substr(1));
  if (text.empty() || text[0] == '<') return tixml::Format::kTiXml;
  // In the braces of TiXML commands may stand in their frame.
  return brace && text[0] == '[' ? tixml::Format::kTiXml : tixml::Format::kJson;
}

std::string GuessRequestId(absl::string_view text) {
  constexpr absl::string_view kName = "request_id";
  constexpr size_t kMaxLength = 256;  // as of any request_id
  const size_t at = text.find(kName);
  if (at == absl::string_view::npos) return "";
  text.remove_prefix(at + kName.size());
  // <request_id _="id", "request_id": "id"
  const bool json = absl::ConsumePrefix(&text, "\"");
  for (const char* token : {json ? ":" : "_", json ? "" : "=", "\""}) {
    text = absl::StripLeadingAsciiWhitespace(text);
    if (!absl::ConsumePrefix(&text, token)) return "";
  }
  const size_t end = text.find('"');
  if (end == absl::string_view::npos || end > kMaxLength) return "";
  text = text.substr(0, end);
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("_.:-", c);
  });
  return plain ? std::string(text) : "";
}

}  // namespace fieldgate::cloud_link
