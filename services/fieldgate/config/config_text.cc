#include "services/fieldgate/config/config_text.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status/status.h"
#include "common/tixml/codec.h"
#include "common/tixml/node_proto.h"

namespace fieldgate::commands {
namespace {

using tixml::Node;

std::string SetConfigText(absl::string_view database, std::vector<Node> children) {
  Node command;
  command.name = "SetConfig";
  command.Set("_", database).Set("ver", "y");
  command.children = std::move(children);
  return absl::StrCat(tixml::WriteFramed(tixml::Format::kTiXml, {command}), "\n");
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ConfigTexts(
    const config_store::v1::GetConfigResponse& config, absl::string_view database) {
  std::vector<Node> nodes;
  for (const tixml::v1::Node& node : config.nodes()) {
    absl::StatusOr<Node> read = tixml::FromProto(node);
    if (!read.ok()) return Annotate(read.status(), "answer of config_store");
    nodes.push_back(*std::move(read));
  }
  std::map<std::string, std::string> texts;
  const size_t slash = database.rfind('/');
  if (slash != absl::string_view::npos) {
    const std::string around(database.substr(0, slash));
    texts[around] = SetConfigText(around, std::move(nodes));
    return texts;
  }
  for (Node& node : nodes) texts[node.name] = SetConfigText(node.name, std::move(node.children));
  return texts;
}

}  // namespace fieldgate::commands
