#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/simulators/portal/messages.h"
#include "tests/simulators/portal/stream_checker.h"

namespace fieldgate::portal {

// How the first requests of one kind are answered wrongly.
struct Fault {
  enum class Kind {
    kErrorCode,        // `error_code`, otherwise right
    kWrongResponseId,  // the id of another request
    kGarbage,          // no body at all
    kMissingField,     // rollout: gateway_id; init: response_id
    kLate,             // right, but `delay` later
    kNever,
  };
  int first = 0;  // this many requests
  Kind kind = Kind::kNever;
  int error_code = 404;
  absl::Duration delay = absl::Seconds(5);
};

struct PortalPolicy {
  std::string customer_id = "customer-1";
  // Empty: "gw-<serial number>".
  std::string gateway_id = {};
  std::string portal_version = "1.0.0";
  std::optional<DataBroker> data_broker = {};
  // SetConfig commands sent with the rollout result.
  std::vector<tixml::Node> gateway_configuration = {};
  Fault rollout_fault = {};
  Fault init_fault = {};
};

// What is seen so far.
struct PortalStats {
  int64_t rollout_requests = 0;
  int64_t init_requests = 0;
  std::vector<StreamStats> streams;
  std::vector<CommandResult> results;  // the first kMaxResults
  // Errors outside of a stream: requests that the manual doesn't allow; the
  // first kMaxErrors.
  std::vector<std::string> errors;

  // nullptr: nothing came from "customer_id/gateway_id" yet.
  const StreamStats* Stream(absl::string_view gateway) const;
};

inline constexpr size_t kMaxResults = 10'000;

// The cloud side of the manual (sections 2 to 5) without a connection: takes
// what a broker delivers, returns what to publish. Thread-compatible.
class Portal {
 public:
  explicit Portal(PortalPolicy policy) : policy_(std::move(policy)) {}

  struct Reply {
    std::string topic;
    std::string body;
    absl::Duration delay;
  };
  struct Reaction {
    std::vector<Reply> replies;
    // For people, a line each: "rollout request 01234567_1 -> gateway_id ...".
    std::vector<std::string> steps;
  };

  Reaction OnMessage(absl::string_view topic, absl::string_view body, absl::Time now);

  // For the next requests on; they are counted on.
  void SetPolicy(PortalPolicy policy) { policy_ = std::move(policy); }

  PortalStats Snapshot() const;

  // What a portal subscribes to.
  static std::vector<std::string> Topics();

 private:
  void Error(std::string text, Reaction& reaction);
  void OnRollout(absl::string_view body, Reaction& reaction);
  void OnInit(const std::string& gateway, absl::string_view body, Reaction& reaction);
  void OnData(const std::string& gateway, absl::string_view body, absl::Time now,
              Reaction& reaction);
  void OnResult(CommandKind kind, const std::string& gateway, absl::string_view body,
                Reaction& reaction);
  StreamChecker& Stream(const std::string& gateway);

  PortalPolicy policy_;
  int64_t rollout_requests_ = 0;
  int64_t init_requests_ = 0;
  // By serial number: n of the last request_id <serial>_<n> (2.1.1).
  std::map<std::string, int64_t> last_rollout_;
  std::map<std::string, StreamChecker> streams_;
  std::vector<CommandResult> results_;
  std::vector<std::string> errors_;
};

}  // namespace fieldgate::portal
