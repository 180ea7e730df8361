#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "common/tixml/error.h"
#include "services/cloud_link/command/execution.h"

namespace fieldgate::cloud_link {
namespace {

using tixml::Node;

}  // namespace

void ExecuteGet(Execution& execution, const Node& command, Node& answer, Failure& failure) {
  const std::string* attribute = command.Find("_");
  const absl::string_view path = attribute == nullptr ? "" : absl::string_view(*attribute);
  absl::StatusOr<Node> node = execution.ports.process.Get(path);
  if (!node.ok()) {
    Fail(command, failure, tixml::NumberFor(node.status()),
         Annotate(node.status(), absl::StrCat("Get ", path)).message());
  } else if (const std::string* value = node->Find("_");
             value != nullptr && node->children.empty()) {
    answer.Set("_", *value);
  } else {
    answer.Add(*std::move(node));
  }
}

void ExecuteSet(Execution& execution, const Node& command, Node&, Failure& failure) {
  const std::string* path = command.Find("_");
  const std::string* value = command.Find("value");
  if (path == nullptr || Trimmed(*path).empty()) {
    return Fail(command, failure, tixml::kInvalidCommand,
                "Set has no path; write <Set _=\"/Process/PV/Level\" value=\"1\"/>");
  }
  if (value == nullptr) {
    return Fail(
        command, failure, tixml::kInvalidCommand,
        absl::StrCat("Set ", *path, " has no value; write <Set _=\"", *path, "\" value=\"1\"/>"));
  }
  const absl::Status set = execution.ports.process.Set(*path, *value);
  if (!set.ok()) {
    return Fail(command, failure, tixml::NumberFor(set),
                Annotate(set, absl::StrCat("Set ", *path)).message());
  }
  if (Trimmed(*path) == Trimmed(kModePath)) {
    // The user's word counts from here on.
    execution.stopped = false;
    execution.former_mode.reset();
    ForgetStop(execution.ports.journal);
  }
}

}  // namespace fieldgate::cloud_link
