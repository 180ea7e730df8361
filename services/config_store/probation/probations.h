#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/time/clock.h"
#include "common/tixml/node.h"
#include "google/protobuf/repeated_field.h"
#include "proto/config_store.pb.h"

namespace fieldgate::config_store {

using Connectors = google::protobuf::RepeatedPtrField<v1::Connector>;

// Equal apart from data points and what a rollout gave: the same way to the
// portal. nullptr: there is no such connector.
bool SameSettings(const v1::Connector* a, const v1::Connector* b);

// The connector of that name, or nullptr.
const v1::Connector* FindConnector(const Connectors& connectors, absl::string_view name);

// Which changes of the ISP database are on probation, and what comes back if
// they are not confirmed in time. Decides only: values and the time go in.
// A plain value, so that it can be changed as a copy and kept once that is on
// the disk.
class Probations {
 public:
  // In the list: pending ones, and the last that ended.
  static constexpr size_t kKept = 20;

  struct Entry {
    v1::Probation record;
    // Of a pending one: ISP as it comes back, what a rollout had given before
    // (without gateway_id: nothing), and when.
    tixml::Node former;
    v1::Identity identity;
    MonotonicTime deadline = MonotonicTime::Never();

    bool pending() const { return record.state() == v1::Probation::PENDING; }
  };

  Probations() = default;
  // After a restart: pending ones have their whole time again. Oldest first.
  Probations(std::vector<Entry> entries, MonotonicTime now);

  // A change of ISP that is valid and about to be stored.
  struct Change {
    absl::string_view connector;  // through which it came; empty: none
    int64_t former_revision = 0;
    int64_t revision = 0;
    const tixml::Node& isp_before;
    const tixml::Node& isp_after;
    v1::Identity identity;  // that a rollout gave `connector`
    const Connectors& before;
    const Connectors& after;
  };
  // The connectors of an ISP database; nothing when it is not valid.
  using ReadIsp = std::function<std::optional<Connectors>(const tixml::Node& isp)>;

  // Takes note of a change, and tells whether it is on probation:
  //  - It changes settings of the connector through which it came, which was
  //    on, and whose ConfirmTime is not 0. The ConfirmTime that it sets itself
  //    counts; of a connector that it removes, the one before.
  //  - Or a probation of that connector is pending: that is extended. It begins
  //    anew with this revision; what comes back stays what it was. A
  //    ConfirmTime of 0 leaves it its time.
  // For probations of other connectors it is a change from elsewhere:
  //  - One that changes settings of such a connector ends its probation, since
  //    somebody who can reach the device took over: TAKEN_BACK if they are the
  //    former ones again, else CONFIRMED.
  //  - Any other stays in force when a probation is taken back, unless it would
  //    not be valid without what is on probation.
  bool OnChange(const Change& change, MonotonicTime now, const ReadIsp& read_isp);

  // The connector runs with `revision`. True when that ended a probation.
  bool Confirm(absl::string_view connector, int64_t revision);

  // A pending one whose time is over, or nullptr. It is valid until the next
  // change of this object.
  const Entry* Expired(MonotonicTime now) const;
  // It is about to be taken back.
  void TakeBack(absl::string_view connector);
  // What rollouts gave is deleted and shall not come back.
  void ForgetIdentities();
  // It could not be.
  void Postpone(absl::string_view connector, MonotonicTime until);

  bool AnyPending() const;
  MonotonicTime NextDeadline() const;
  // Oldest first, at most kKept.
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  Entry* Pending(absl::string_view connector);
  static void End(Entry& entry, v1::Probation::State state);
  // Drops ended ones over kKept, oldest first.
  void Trim();

  std::vector<Entry> entries_;
};

}  // namespace fieldgate::config_store
