#include "common/cli/options.h"

#include <getopt.h>

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace fieldgate::cli {
namespace {

// getopt_long's values of our options: above all characters, which are short options.
// Of Nearest: a hundred names of 20 characters. A guess is worth no more, and
// words come from outside.
constexpr size_t kMostSteps = 50'000;
constexpr int kFirstOption = 256;
constexpr int kHelp = 'h';
// Of a terminal that nobody widened, less one.
constexpr size_t kWidth = 79;

std::string Synopsis(const Option& option) {
  return option.placeholder.empty() ? absl::StrCat("--", option.name)
                                    : absl::StrCat("--", option.name, "=", option.placeholder);
}

const Option* ByValue(const Command& command, int value) {
  const int index = value - kFirstOption;
  return index >= 0 && index < static_cast<int>(command.options.size())
             ? &command.options[static_cast<size_t>(index)]
             : nullptr;
}

void Store(const Option& option, const char* value) {
  if (option.text != nullptr) *option.text = value;
  if (option.list != nullptr) option.list->push_back(value);
  if (option.flag != nullptr) *option.flag = true;
}

absl::Status UnknownOption(const Command& command, absl::string_view given) {
  given = given.substr(0, given.find('='));
  std::vector<std::string> known = {"--help"};
  for (const Option& option : command.options) known.push_back("--" + option.name);
  const std::string nearest = Nearest(given, known);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown or ambiguous option ", given,
                   nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
}

void AppendWrapped(std::string& out, absl::string_view text, size_t indent) {
  size_t column = indent;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (column > indent && column + 1 + word.size() > kWidth) {
      absl::StrAppend(&out, "\n", std::string(indent, ' '));
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    absl::StrAppend(&out, word);
    column += word.size();
  }
  out += '\n';
}

}  // namespace

absl::Status Parse(const Command& command, int argc, char** argv) {
  std::vector<option> known;
  for (size_t i = 0; i < command.options.size(); ++i) {
    const Option& o = command.options[i];
    known.push_back({o.name.c_str(), o.placeholder.empty() ? no_argument : required_argument,
                     nullptr, kFirstOption + static_cast<int>(i)});
  }
  known.push_back({"help", no_argument, nullptr, kHelp});
  known.push_back({nullptr, 0, nullptr, 0});

  optind = 0;  // GNU: start afresh, also after an earlier Parse
  opterr = 0;
  int value;
  // ':' first: getopt tells a missing value from an unknown option.
  while ((value = getopt_long(argc, argv, ":h", known.data(), nullptr)) != -1) {
    if (value == kHelp) return absl::CancelledError("help");
    if (value == ':') {
      return absl::InvalidArgumentError(
          absl::StrCat("option --", ByValue(command, optopt)->name,
                       " needs a value: ", Synopsis(*ByValue(command, optopt))));
    }
    if (value == '?') {
      if (const Option* flag = ByValue(command, optopt)) {
        return absl::InvalidArgumentError(absl::StrCat("option --", flag->name, " takes no value"));
      }
      if (optopt == kHelp) return absl::InvalidArgumentError("option --help takes no value");
      if (optopt != 0) {
        return UnknownOption(command, std::string{'-', static_cast<char>(optopt)});
      }
      return UnknownOption(command, argv[optind - 1]);
    }
    Store(*ByValue(command, value), optarg);
  }
  if (optind < argc && command.positional == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected argument '", argv[optind], "'"));
  }
  if (command.positional != nullptr) command.positional->assign(argv + optind, argv + argc);
  return absl::OkStatus();
}

std::string Help(const Command& command) {
  std::string help = absl::StrCat("Usage: ", command.name, " ", command.usage, "\n\n",
                                  command.summary, "\n\nOptions:\n");
  size_t widest = 0;
  std::vector<Option> options = command.options;
  options.push_back({.name = "help", .placeholder = "", .help = "Shows this text."});
  for (const Option& option : options) widest = std::max(widest, Synopsis(option).size());
  for (const Option& option : options) {
    const std::string synopsis = Synopsis(option);
    absl::StrAppend(&help, "  ", synopsis, std::string(widest - synopsis.size() + 2, ' '));
    AppendWrapped(help, option.help, widest + 4);
  }
  const absl::string_view details = absl::StripAsciiWhitespace(command.details);
  if (!details.empty()) absl::StrAppend(&help, "\n", details, "\n");
  return help;
}

std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates) {
  std::string nearest;
  size_t least = word.size() / 3 + 1;
  size_t steps = 0;
  for (const std::string& candidate : candidates) {
    // So many characters at least are missing, or too many.
    const size_t difference =
        std::max(word.size(), candidate.size()) - std::min(word.size(), candidate.size());
    if (difference >= least) continue;
    steps += word.size() * candidate.size();
    if (steps > kMostSteps) break;
    // Levenshtein's distance, a row at a time.
    std::vector<size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (const char c : word) {
      size_t diagonal = row[0]++;
      for (size_t j = 0; j < candidate.size(); ++j) {
        const size_t replaced = diagonal + (c == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
      }
    }
    if (row.back() < least) {
      least = row.back();
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace fieldgate::cli
