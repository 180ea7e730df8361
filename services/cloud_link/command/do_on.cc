#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "common/tixml/commands.h"
#include "common/tixml/error.h"
#include "services/cloud_link/command/execution.h"

namespace fieldgate::cloud_link {

using tixml::Node;

// Executes the commands of an EventHandler in place. config_store has checked
// that handlers end; the bounds are here too, since one may change meanwhile.
void ExecuteDoOn(Execution& execution, const Node& command, Node&, Failure& failure) {
  const std::string* name = command.Find("_");
  if (name == nullptr || name->empty()) {
    return Fail(command, failure, tixml::kInvalidCommand,
                "DoOn names no handler; write <DoOn _=\"NAME\"/>");
  }
  const std::string who = absl::StrCat("DoOn ", *name);
  if (execution.depth == tixml::kMaxDoOnDepth) {
    return Fail(command, failure, tixml::kInvalidCommand,
                absl::StrCat(who, ": more than ", tixml::kMaxDoOnDepth,
                             " handlers execute each other; mend EVENTS/EventHandler"));
  }
  const absl::StatusOr<std::shared_ptr<const std::vector<Node>>> commands =
      execution.ports.events.Handler(*name, std::exchange(execution.revision, 0));
  if (!commands.ok()) {
    return Fail(command, failure, tixml::NumberFor(commands.status()),
                Annotate(commands.status(), who).message());
  }
  if (execution.depth == 0) execution.handler_commands = 0;
  const auto count = static_cast<int>((*commands)->size());
  if (execution.handler_commands + count > tixml::kMaxDoOnCommands) {
    return Fail(command, failure, tixml::kInvalidCommand,
                absl::StrCat(who, ": more than ", tixml::kMaxDoOnCommands,
                             " commands at once; mend EVENTS/EventHandler"));
  }
  execution.handler_commands += count;
  ++execution.depth;
  ExecuteEach(execution, **commands, [&](const Node&, Node, const Failure& inner) {
    for (const std::string& line : inner.lines) {
      failure.Add(inner.number, AtLine(command.line, absl::StrCat(who, ": ", line)), inner.where);
    }
  });
  --execution.depth;
}

}  // namespace fieldgate::cloud_link
