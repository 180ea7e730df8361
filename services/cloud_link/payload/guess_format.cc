#include "services/cloud_link/payload/guess_format.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace fieldgate::cloud_link {

tixml::Format GuessFormat(absl::string_view text) {
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  text = absl::StripLeadingAsciiWhitespace(text);
  if (absl::StartsWith(text, "<?xml")) return tixml::Format::kXml;
  if (text.empty() || (text[0] != '{' && text[0] != '[')) return tixml::Format::kTiXml;
  text = absl::StripLeadingAsciiWhitespace(text.substr(1));
  return !text.empty() && text[0] != '<' ? tixml::Format::kJson : tixml::Format::kTiXml;
}

}  // namespace fieldgate::cloud_link
