#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/tixml/codec.h"
#include "tests/simulation/random.h"

namespace fieldgate::simulation {

enum class FaultKind {
  kCut,           // connections end
  kFreeze,        // connections pass nothing, and nobody knows
  kBrokerDown,    // connects are refused or hang
  kSlowAcks,      // acknowledgements take up to half a minute
  kRepeats,       // the broker delivers twice
  kRefusals,      // subscriptions are refused
  kSessionsLost,  // the broker forgets its sessions
  kPortalWrong,   // wrong, late and no answers to rollout and init
  kKillCloud,
  kKillProcess,
  kKillConfig,
  kPowerCut,  // of all, also within a write
  kDiskFull,
  kDiskErrors,
  kDeviceFails,
  kWallJumps,
  kSlowCalls,  // between the services
  kCommands,
  kConfiguration,  // SetConfigs, valid and not
  kProbation,      // of a connector's own settings
};
std::vector<FaultKind> AllFaults();
const char* NameOf(FaultKind kind);

struct ConnectorPlan {
  std::string name;
  std::string client_id;
  std::string customer_id;
  std::string gateway_id;
  bool rollout = false;  // its ids come from one
  int qos = 1;
  tixml::Format format = tixml::Format::kJson;
  bool clean_session = true;
  bool cache = true;
  bool drop_newest = false;
  int send_period_s = 2;
};

// What a seed stands for.
struct Plan {
  std::vector<ConnectorPlan> connectors;
  std::set<FaultKind> faults;
  absl::Duration faults_last;
  // How often a fault comes, on the average.
  absl::Duration pause;
  int64_t shrink_outbox = 1;
};
Plan MakePlan(Random random);

// Bounds of the simulated configuration, for the time that recovery takes.
inline constexpr int kResponseTimeoutS = 5;
inline constexpr int kRetryMaxS = 20;
inline constexpr int kConfirmTimeS = 30;
inline constexpr absl::Duration kPollPeriod = absl::Seconds(1);

// The SetConfigs of a plan, as a person would import them.
// `polls_late`: at another rate than the world expects.
std::string InitialConfiguration(const Plan& plan, bool polls_late = false);
// Of one connector.
std::string ConnectorConfiguration(const ConnectorPlan& connector);

}  // namespace fieldgate::simulation
