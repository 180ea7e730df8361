#include "services/fieldgate/problem_lines.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/fieldgate/terminal_text.h"

namespace fieldgate::commands {
namespace {

// Takes `word` and a number off the front of `text`, or leaves it as it is.
bool TakeNumber(absl::string_view word, absl::string_view& text, int& number) {
  absl::string_view rest = text;
  if (!absl::ConsumePrefix(&rest, word)) return false;
  const size_t end = rest.find_first_not_of("0123456789");
  if (!absl::SimpleAtoi(rest.substr(0, end), &number)) return false;
  text = end == absl::string_view::npos ? "" : rest.substr(end);
  return true;
}

std::string Place(absl::string_view source, absl::string_view kind, absl::string_view text) {
  absl::string_view rest = text;
  int line = 0;
  int column = 0;
  if (TakeNumber("line ", rest, line)) {
    const bool has_column = TakeNumber(", column ", rest, column);
    if (absl::ConsumePrefix(&rest, ": ")) {
      return absl::StrCat(source, ":", line, has_column ? absl::StrCat(":", column) : "", ": ",
                          kind, Printable(rest));
    }
  }
  return absl::StrCat(source, ": ", kind, Printable(text));
}

}  // namespace

std::string AtSource(absl::string_view source, absl::string_view problem) {
  return Place(source, "", problem);
}

std::string WarningAtSource(absl::string_view source, absl::string_view warning) {
  return Place(source, "warning: ", warning);
}

}  // namespace fieldgate::commands
