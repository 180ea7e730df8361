#include "common/tixml/text_position.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace fieldgate::tixml {
namespace {

constexpr size_t kMaxShown = 80;  // fits a line of a log

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

absl::Status ErrorAt(absl::StatusCode code, int line, int column, absl::string_view what) {
  return absl::Status(code, absl::StrCat("line ", line, ", column ", column, ": ", what));
}

absl::Status ErrorAt(absl::StatusCode code, absl::string_view text, size_t offset,
                     absl::string_view what) {
  int line = 1;
  int column = 1;
  for (size_t i = 0; i < offset && i < text.size(); ++i) {
    const bool line_end = text[i] == '\n' || (text[i] == '\r' && text.substr(i + 1, 1) != "\n");
    if (line_end) {
      ++line;
      column = 1;
    } else if (text[i] != '\r' && !IsContinuation(text[i])) {
      ++column;
    }
  }
  return ErrorAt(code, line, column, what);
}

std::string Shortened(absl::string_view name) {
  size_t end = name.size();
  if (end > kMaxShown) {
    end = kMaxShown;
    while (IsContinuation(name[end])) --end;
  }
  std::string shown(name.substr(0, end));
  std::replace_if(
      shown.begin(), shown.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return end < name.size() ? shown + "..." : shown;
}

std::string Quoted(absl::string_view name) { return absl::StrCat("'", Shortened(name), "'"); }

absl::string_view Trim(absl::string_view text) {
  constexpr absl::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == absl::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace fieldgate::tixml
