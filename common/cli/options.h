#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// Command line options, over getopt_long: --name=VALUE, --name VALUE, --flag.
namespace fieldgate::cli {

struct Option {
  std::string name;         // "state-dir"
  std::string placeholder;  // "DIR"; empty: a flag without value
  std::string help;         // one sentence
  // Exactly one of these takes the value; a list may be given several times.
  std::string* text = nullptr;
  std::vector<std::string>* list = nullptr;
  bool* flag = nullptr;
};

struct Command {
  std::string name;     // "fieldgate run"
  std::string summary;  // what it does, some lines
  std::string usage;    // "--state-dir=DIR --device=FILE.json [--import=FILE.tixml ...]"
  std::vector<Option> options;
  // What follows the options; nullptr: nothing may.
  std::vector<std::string>* positional = nullptr;
  std::string details;  // after the options: examples, exit statuses
};

// Parses argv[1..]; argv[0] is ignored.
// kInvalidArgument: names the option, and the nearest known one.
// kCancelled: --help was given; print Help(command) and exit with 0.
absl::Status Parse(const Command& command, int argc, char** argv);

std::string Help(const Command& command);

// The candidate nearest to `word`, or "" when none is near (edit distance over
// a third of the word's length). For "did you mean": the cost is bounded, so of
// very long words and lists not every candidate is looked at.
std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace fieldgate::cli
