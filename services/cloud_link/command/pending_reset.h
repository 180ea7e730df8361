#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/time/clock.h"
#include "services/cloud_link/command/ports.h"

namespace fieldgate::cloud_link {

// A restart or factory reset that was ordered and answered: decides when it is
// done, so that the portal still gets the answer. Pure; thread-compatible.
class PendingReset {
 public:
  // Least time from the order, for an answer that is still to be stored, or
  // written to a local caller.
  static constexpr absl::Duration kAtLeast = absl::Milliseconds(500);
  // A broker that is away doesn't hold it up.
  static constexpr absl::Duration kAtMost = absl::Seconds(10);

  struct Order {
    ResetKind kind;
    std::string who;
  };

  // A further order changes a restart into a factory reset, not the other way.
  void Request(ResetKind kind, std::string who, MonotonicTime now);
  bool pending() const { return order_.has_value(); }
  // What is to be done now, once. `answers_wait`: some answer to a portal has
  // not been acknowledged.
  std::optional<Order> TakeDue(bool answers_wait, MonotonicTime now);
  // When to look again.
  MonotonicTime NextDeadline(MonotonicTime now) const;

 private:
  std::optional<Order> order_;
  MonotonicTime requested_at_ = MonotonicTime::Never();
};

}  // namespace fieldgate::cloud_link
