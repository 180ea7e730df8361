#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/time/clock.h"
#include "proto/cloud_link.pb.h"
#include "proto/config_store.pb.h"
#include "services/cloud_link/command/held_answer.h"

namespace fieldgate::cloud_link {

// Follows the changes on probation: which to confirm since their connector runs,
// what became of each and why. Decides only; thread-compatible, belongs to the
// loop.
class ProbationWatch {
 public:
  struct TakenBack {
    std::string connector;
    // For the SupportLog: why it did not run; empty: that is not known.
    std::string line;
  };
  // A configuration came into force, after Note of the connectors before it.
  // Returns the connectors whose settings were taken back with it.
  std::vector<TakenBack> OnConfiguration(const config_store::v1::Configuration& configuration);

  // How a connector is, each time the loop settles. `why`: what it does or why
  // it does not run, without the time of the next try.
  void Note(absl::string_view connector, bool running, absl::string_view why);

  struct Confirmation {
    std::string connector;
    int64_t revision = 0;
  };
  // What is to be confirmed at config_store now: of each connector that runs on
  // probation, once; again only after OnConfirmed.
  std::vector<Confirmation> TakeConfirmations(MonotonicTime now);
  // The call has ended, well or not. The outcome comes with a configuration; if
  // that does not come, it is called again after a second.
  void OnConfirmed(absl::string_view connector, MonotonicTime now);
  MonotonicTime NextDeadline() const;

  // For the answer to a request of `connector` that set `revision`.
  Verdict VerdictOn(absl::string_view connector, int64_t revision) const;

  // Fills in on_probation and what it means for a connector; a connector that
  // was removed on probation is added.
  void AddTo(v1::GetStatusResponse& status) const;

 private:
  // A pending probation.
  struct Pending {
    config_store::v1::Probation record;
    bool running = false;
    std::string why;  // not running
    bool confirming = false;
    MonotonicTime confirm_at{absl::ZeroDuration()};
  };

  int64_t revision_ = 0;  // in force
  std::vector<config_store::v1::Probation> records_;
  std::map<std::string, Pending, std::less<>> pending_;  // by connector
  // Why the connector was not running when the probation ended that began after
  // this revision; of those in `records_`.
  std::map<std::pair<std::string, int64_t>, std::string> ended_why_;
};

}  // namespace fieldgate::cloud_link
