#include "services/cloud_link/command/pending_reset.h"

#include <utility>

namespace fieldgate::cloud_link {

void PendingReset::Request(ResetKind kind, std::string who, MonotonicTime now) {
  if (order_.has_value() && order_->kind == ResetKind::kFactory) return;
  order_ = Order{kind, std::move(who)};
  requested_at_ = now;
}

std::optional<PendingReset::Order> PendingReset::TakeDue(bool answers_wait, MonotonicTime now) {
  if (!order_.has_value() || now < requested_at_ + kAtLeast) return std::nullopt;
  if (answers_wait && now < requested_at_ + kAtMost) return std::nullopt;
  return std::exchange(order_, std::nullopt);
}

MonotonicTime PendingReset::NextDeadline(MonotonicTime now) const {
  if (!order_.has_value()) return MonotonicTime::Never();
  const MonotonicTime first = requested_at_ + kAtLeast;
  return now < first ? first : now + kAtLeast;
}

}  // namespace fieldgate::cloud_link
