#include "services/cloud_link/events/event_handlers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/cli/options.h"
#include "common/log/log.h"
#include "common/tixml/node_proto.h"

namespace fieldgate::cloud_link {
namespace {

// A configuration arrives within milliseconds, or config_store has just died.
constexpr absl::Duration kWait = absl::Seconds(2);

}  // namespace

EventHandlers::EventHandlers(Threads& threads)
    : clock_(threads.clock()), changed_(threads.MakeConditionVariable()) {}

void EventHandlers::Configure(const config_store::v1::Events& events, int64_t revision) {
  std::map<std::string, std::shared_ptr<const std::vector<tixml::Node>>, std::less<>> handlers;
  for (const config_store::v1::EventHandler& handler : events.handlers()) {
    std::vector<tixml::Node> commands;
    for (const auto& command : handler.commands()) {
      absl::StatusOr<tixml::Node> node = tixml::FromProto(command);
      if (node.ok()) {
        commands.push_back(*std::move(node));
      } else {
        log::Error("a command of a handler is left out",
                   {{"handler", handler.name()}, {"why", node.status().ToString()}});
      }
    }
    handlers[handler.name()] =
        std::make_shared<const std::vector<tixml::Node>>(std::move(commands));
  }
  const std::lock_guard lock(mutex_);
  handlers_ = std::move(handlers);
  revision_ = revision;
  changed_->NotifyAll();
}

absl::StatusOr<std::shared_ptr<const std::vector<tixml::Node>>> EventHandlers::Handler(
    absl::string_view name, int64_t revision) {
  std::unique_lock lock(mutex_);
  changed_->AwaitUntil(lock, clock_.Now() + kWait, [&] { return revision_ >= revision; });
  const auto found = handlers_.find(name);
  if (found != handlers_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, commands] : handlers_) names.push_back(known);
  const std::string nearest = cli::Nearest(name.substr(0, 64), names);  // as long as names are
  return absl::NotFoundError(absl::StrCat("there is no EventHandler '", name.substr(0, 64), "'; ",
                                          nearest.empty()
                                              ? "EVENTS/EventHandler has those that there are"
                                              : absl::StrCat("did you mean ", nearest, "?")));
}

}  // namespace fieldgate::cloud_link
