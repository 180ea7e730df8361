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

}  // namespace

std::optional<SectionAddress> SectionAddressOf(const Node& command, absl::string_view kind,
                                               Failure& failure) {
  const std::string* what = command.Find("_");
  const absl::string_view rest = what == nullptr ? "" : absl::string_view(*what);
  const size_t comma = rest.find(',');
  SectionAddress address;
  address.connector = std::string(absl::StripAsciiWhitespace(rest.substr(0, comma)));
  if (address.connector.empty()) address.connector = std::string(kDefaultConnector);
  if (comma == absl::string_view::npos) return address;
  const absl::string_view name = absl::StripAsciiWhitespace(rest.substr(comma + 1));
  int number = 0;
  // Without regard to case: RealTime1 occurs, too.
  if (!absl::StartsWithIgnoreCase(name, kind) ||
      !absl::SimpleAtoi(name.substr(kind.size()), &number)) {
    Fail(command, failure, tixml::kInvalidValue,
         absl::StrCat(command.name, ": '", name, "' is no section; write ", kind, "1"));
    return std::nullopt;
  }
  address.section = number;
  return address;
}

void ExecuteSendRealtimeData(Execution& execution, const Node& command, Node&, Failure& failure) {
  const std::optional<SectionAddress> address = SectionAddressOf(command, "Realtime", failure);
  if (!address) return;
  const absl::Status sent =
      execution.ports.gateway.SendRealtimeData(address->connector, address->section);
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
    return Fail(command, failure, tixml::kInvalidCommand,
                absl::StrCat("there is no Reset '", *what,
                             "'; write Restart, Secretfile (what rollouts gave) or Factory"));
  }
  if (reset.ok()) return;
  Fail(command, failure, tixml::NumberFor(reset), Annotate(reset, command.name).message());
}

}  // namespace fieldgate::cloud_link
