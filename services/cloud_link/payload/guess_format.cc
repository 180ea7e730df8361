#include "services/cloud_link/payload/guess_format.h"

#include "absl/strings/ascii.h"

namespace fieldgate::cloud_link {

tixml::Format GuessFormat(absl::string_view text) {
  text = absl::StripLeadingAsciiWhitespace(text);
  if (text.empty() || (text[0] != '{' && text[0] != '[')) return tixml::Format::kTiXml;
  text = absl::StripLeadingAsciiWhitespace(text.substr(1));
  return !text.empty() && text[0] != '<' ? tixml::Format::kJson : tixml::Format::kTiXml;
}

}  // namespace fieldgate::cloud_link
