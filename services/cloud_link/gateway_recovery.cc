// What the gateway does so that neither a wrong configuration nor a death of the
// process leaves it in a bad state.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "services/cloud_link/gateway.h"

namespace fieldgate::cloud_link {
namespace {

// Tries to restore the program's mode while process_data is away. Each holds up
// commands for some seconds, which fail just then, too.
constexpr absl::Duration kRestoreAgain = absl::Seconds(5);

}  // namespace

std::vector<std::string> Gateway::FollowProbations(
    const config_store::v1::Configuration& configuration) {
  std::vector<std::string> names;
  for (auto& [connector, line] : probations_.OnConfiguration(configuration)) {
    names.push_back(connector);
    if (line.empty()) continue;
    const bool taken = store_.Post([this, line = line] { AppendMessage("SupportLog", line); });
    if (!taken) log::Error("no entry in the SupportLog", {{"entry", line}});
  }
  return names;
}

void Gateway::ConfirmProbations(MonotonicTime now) {
  for (const ProbationWatch::Confirmation& c : probations_.TakeConfirmations(now)) {
    const bool taken = store_.Post([this, c] {
      const absl::Status status = ports_.config->ConfirmConfiguration(c.connector, c.revision);
      if (!status.ok()) {
        log::Warning("a configuration can't be confirmed; trying again",
                     {{"connector", c.connector},
                      {"revision", absl::StrCat(c.revision)},
                      {"why", status.ToString()}});
      }
      loop_.Post([this, c] { probations_.OnConfirmed(c.connector, this->now().monotonic); });
    });
    if (!taken) probations_.OnConfirmed(c.connector, now);
  }
}

Verdict Gateway::VerdictOn(const std::string& connector, int64_t revision) {
  return probations_.VerdictOn(connector, revision);
}

// The settled loop comes by once a second at least. During a command a mode is
// noted, too; then this waits for its end and finds nothing to do.
void Gateway::RestoreProgram(MonotonicTime now) {
  if (ports_.journal == nullptr || !ports_.journal->open()) return;
  if (restoring_program_ || now < restore_program_at_) return;
  restoring_program_ = commands_.Post(false, [this] {
    const absl::Status restored = interpreter_.RestoreProgram();
    if (!restored.ok()) {
      log::Warning("the program stands still since a SetConfig; trying again",
                   {{"why", restored.ToString()}});
    }
    loop_.Post([this] { restoring_program_ = false; });
  });
  restore_program_at_ = now + kRestoreAgain;
}

void Gateway::TellRecoveries() {
  if (ports_.tell_recoveries == nullptr || recoveries_told_) return;
  recoveries_told_ = store_.Post([this] {
    const absl::Status told = ports_.tell_recoveries([this](const std::string& entry) {
      return ports_.config->AppendMessage("SupportLog", entry);
    });
    if (told.ok()) return;
    log::Warning("no entry in the SupportLog about a damaged database; trying again",
                 {{"why", told.ToString()}});
    loop_.Post([this] { recoveries_told_ = false; });
  });
}

}  // namespace fieldgate::cloud_link
