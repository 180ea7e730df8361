// Commands of portals, rollouts and local callers; restarts and factory resets.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "services/cloud_link/gateway.h"

namespace fieldgate::cloud_link {
namespace {

void LogIfFailed(const absl::Status& status) {
  if (!status.ok()) log::Error("factory reset", {{"why", status.ToString()}});
}

}  // namespace

absl::StatusOr<Interpreter::TextResult> Gateway::Execute(const std::string& text,
                                                         const std::string& origin) {
  using Given = absl::StatusOr<Interpreter::TextResult>;
  const auto answer = std::make_shared<Answer<Given>>(*ports_.threads);
  // Belongs to the task; one that is dropped answers, too.
  std::shared_ptr<void> dropped(
      nullptr, [answer](void*) { answer->Give(absl::CancelledError("cloud_link stops")); });
  auto commands = std::make_shared<const CommandText>(text);
  const bool reads_only = commands->reads_only();
  const bool taken =
      commands_.Post(reads_only, [this, answer, dropped = std::move(dropped), commands, origin] {
        answer->Give(interpreter_.ExecuteText(*commands, {origin, ""}));
      });
  if (!taken) {
    return absl::ResourceExhaustedError(
        absl::StrCat(kMaxCommands, " commands are waiting already; try again later"));
  }
  return *answer->Await(MonotonicTime::Never());
}

bool Gateway::ExecuteRequest(CommandChannel& channel, RequestNumber number,
                             std::vector<tixml::Node> commands) {
  const bool reads_only = ReadsOnly(commands);
  return commands_.Post(reads_only, [this, &channel, number, commands = std::move(commands),
                                     origin = Origin{absl::StrCat("portal ", channel.connector()),
                                                     channel.connector()}] {
    const absl::Status begun = channel.log().Begin(number);
    Interpreter::Result result;
    if (begun.ok()) result = interpreter_.Execute(commands, origin);
    channel.Hold(number, result);
    loop_.Post([this, &channel, number, begun, result = std::move(result)] {
      channel.OnExecuted(number, begun, result, now().monotonic);
    });
  });
}

void Gateway::ExecuteConfiguration(std::vector<tixml::Node> commands,
                                   const std::string& connector) {
  const bool taken = commands_.Post(false, [this, commands = std::move(commands), connector] {
    // One by one: a failing one does not stop the rest, and each has its entry.
    for (const tixml::Node& command : commands) {
      const Interpreter::Result result =
          interpreter_.Execute({command}, {absl::StrCat("rollout ", connector), connector});
      std::string entry = absl::StrCat("gateway_configuration of ", connector, ": ", command.name);
      if (const std::string* what = command.Find("_")) absl::StrAppend(&entry, " ", *what);
      absl::StrAppend(&entry, result.failed                 ? ": failed"
                              : result.on_probation.empty() ? ": done"
                                                            : ": done, on probation");
      for (const std::string& problem : result.problems) absl::StrAppend(&entry, "; ", problem);
      log::Info("configuration of the rollout", {{"result", entry}});
      AppendMessage("SupportLog", entry);
    }
  });
  if (!taken) log::Error("gateway_configuration dropped: too many commands are waiting");
}

// The connectors learn it from their configuration, like any other loss of
// their identity.
absl::Status Gateway::ResetSecrets() { return ports_.config->DeleteIdentities(); }

absl::Status Gateway::Reset(ResetKind kind, const Origin& origin) {
  if (kind == ResetKind::kFactory) {
    if (ports_.factory == nullptr) return absl::UnimplementedError("there is no factory reset");
    if (absl::Status s = ports_.config->FactoryReset(origin, /*check_only=*/true); !s.ok()) {
      return s;
    }
  }
  return OnLoop<absl::Status>([this, kind, who = origin.who] {
    if (kind == ResetKind::kFactory) {
      if (absl::Status s = ports_.factory->Order(who); !s.ok()) return s;
    }
    reset_.Request(kind, who, now().monotonic);
    return absl::OkStatus();
  });
}

void Gateway::PerformReset(MonotonicTime now) {
  if (!reset_.pending()) return;
  const bool answers_wait =
      std::any_of(storages_.begin(), storages_.end(), [](const auto& storage) {
        const auto results = storage.second.outbox->Read(Lane::kResult, 0, 1, 1);
        return results.ok() && !results->empty();
      });
  const std::optional<PendingReset::Order> order = reset_.TakeDue(answers_wait, now);
  if (!order.has_value()) return;
  store_.Post([this, order = *order] {
    absl::Status reset;
    if (order.kind == ResetKind::kFactory) {
      reset = ports_.config->FactoryReset({order.who, ""}, /*check_only=*/false);
    }
    if (reset.ok()) return Restart(order.who);
    log::Error("no factory reset", {{"origin", order.who}, {"why", reset.ToString()}});
    // A config_store that is away does it when it is back: Apply.
    if (absl::IsUnavailable(reset)) return;
    loop_.Post([this] { LogIfFailed(ports_.factory->Drop()); });
  });
}

// A factory reset is noticed in two ways: it was done, and a new epoch begins.
void Gateway::Restart(absl::string_view origin) {
  if (!restarting_.exchange(true)) ports_.restart(origin);
}

bool Gateway::EpochBegins(int64_t epoch, MonotonicTime now) {
  if (ports_.factory == nullptr) return false;
  const absl::StatusOr<bool> begins = ports_.factory->Begins(epoch);
  if (!begins.ok()) LogIfFailed(begins.status());
  if (begins.value_or(false)) {
    slots_.clear();  // nothing more of the former owner's is sent
    store_.Post([this] { Restart("factory reset"); });
    return true;
  }
  const std::optional<std::string> ordered = ports_.factory->ordered();
  if (ordered.has_value() && !reset_.pending()) reset_.Request(ResetKind::kFactory, *ordered, now);
  return false;
}

}  // namespace fieldgate::cloud_link
