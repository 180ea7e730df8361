#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "common/tixml/error.h"
#include "services/cloud_link/command/execution.h"

namespace fieldgate::cloud_link {
namespace {

using tixml::Node;

constexpr absl::string_view kDefaultConnector = "CloudConn";
constexpr absl::string_view kSectionName = "Realtime";

}  // namespace

// "", "CloudConn2", "CloudConn,Realtime3" (7.3)
void ExecuteSendRealtimeData(Execution& execution, const Node& command, Node&, Failure& failure) {
  const std::string* what = command.Find("_");
  absl::string_view rest = what == nullptr ? "" : absl::string_view(*what);
  const size_t comma = rest.find(',');
  absl::string_view connector = absl::StripAsciiWhitespace(rest.substr(0, comma));
  if (connector.empty()) connector = kDefaultConnector;
  std::optional<int> section;
  if (comma != absl::string_view::npos) {
    const absl::string_view name = absl::StripAsciiWhitespace(rest.substr(comma + 1));
    int number = 0;
    // Without regard to case: RealTime1 occurs, too.
    if (!absl::StartsWithIgnoreCase(name, kSectionName) ||
        !absl::SimpleAtoi(name.substr(kSectionName.size()), &number)) {
      return Fail(command, failure, tixml::kInvalidValue,
                  absl::StrCat(command.name, ": '", name, "' is no section; write Realtime1"));
    }
    section = number;
  }
  const absl::Status sent = execution.ports.gateway.SendRealtimeData(connector, section);
  if (sent.ok()) return;
  Fail(command, failure, tixml::NumberFor(sent), Annotate(sent, command.name).message());
}

void ExecuteReset(Execution& execution, const Node& command, Node&, Failure& failure) {
  const std::string* what = command.Find("_");
  GatewayPort& gateway = execution.ports.gateway;
  absl::Status reset;
  if (what == nullptr || what->empty() || *what == "Restart") {
    reset = gateway.Reset(ResetKind::kRestart, execution.origin);
  } else if (*what == "Factory") {
    reset = gateway.Reset(ResetKind::kFactory, execution.origin);
  } else if (*what == "Secretfile") {
    reset = gateway.ResetSecrets();
  } else {
    return Fail(command, failure, tixml::kInvalidValue,
                absl::StrCat("there is no Reset '", *what,
                             "'; write Restart, Secretfile (what rollouts gave) or Factory"));
  }
  if (reset.ok()) return;
  Fail(command, failure, tixml::NumberFor(reset), Annotate(reset, command.name).message());
}

}  // namespace fieldgate::cloud_link
