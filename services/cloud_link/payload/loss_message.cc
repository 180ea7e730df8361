#include "services/cloud_link/payload/loss_message.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/tixml/node.h"
#include "services/cloud_link/payload/messages.h"
#include "services/cloud_link/payload/request.h"

namespace fieldgate::cloud_link {
namespace {

using tixml::Node;

Node Named(absl::string_view name) {
  Node node;
  node.name = std::string(name);
  return node;
}

Node LossNode(const LossRecord& loss) {
  Node node = Named("Loss");
  const auto set = [&node](absl::string_view name, int64_t value) {
    if (value != 0) node.Set(name, absl::StrCat(value));
  };
  set("number", loss.number);
  node.Set("count", absl::StrCat(loss.count));
  set("first_id", loss.first_message_id);
  set("last_id", loss.last_message_id);
  set("first_timestamp", loss.first_timestamp);
  set("last_timestamp", loss.last_timestamp);
  node.Set("reason", loss.reason);
  return node;
}

}  // namespace

std::string LossBody(const config_store::v1::Connector& connector, absl::string_view response_id,
                     absl::Span<const LossRecord> losses, int64_t total) {
  Node all = Named("Losses");
  int64_t count = 0;
  for (const LossRecord& loss : losses) {
    count += loss.count;
    all.Add(LossNode(loss));
  }
  all.Set("count", absl::StrCat(count)).Set("total", absl::StrCat(total));
  Node get = Named("Get");
  get.Add(Named("Process")).Add(Named(connector.name())).Add(std::move(all));
  return AnswerBody(RequestKind::kState, FormatOf(connector), AnswerCode::kDone, response_id,
                    {std::move(get)}, connector.tixml_braces());
}

}  // namespace fieldgate::cloud_link
