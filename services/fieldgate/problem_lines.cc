#include "services/fieldgate/problem_lines.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/fieldgate/terminal_text.h"

namespace fieldgate::commands {
namespace {

std::string Place(absl::string_view source, absl::string_view kind, absl::string_view text) {
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "line ")) {
    const size_t colon = rest.find(": ");
    int line = 0;
    if (colon != absl::string_view::npos && absl::SimpleAtoi(rest.substr(0, colon), &line)) {
      return absl::StrCat(source, ":", line, ": ", kind, Printable(rest.substr(colon + 2)));
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
