#include "services/config_store/probation/probations.h"

#include <algorithm>
#include <utility>

#include "google/protobuf/util/message_differencer.h"
#include "services/config_store/probation/tree_change.h"

namespace fieldgate::config_store {
namespace {

v1::Connector SettingsOf(v1::Connector connector) {
  connector.clear_sections();
  connector.clear_log_sections();
  connector.clear_controllers();
  connector.clear_stored_identity();
  return connector;
}

MonotonicTime DeadlineOf(const v1::Probation& record, MonotonicTime now) {
  return now + absl::Seconds(record.confirm_time_s());
}

}  // namespace

bool SameSettings(const v1::Connector* a, const v1::Connector* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return google::protobuf::util::MessageDifferencer::Equals(SettingsOf(*a), SettingsOf(*b));
}

const v1::Connector* FindConnector(const Connectors& connectors, absl::string_view name) {
  const auto found = std::find_if(connectors.begin(), connectors.end(),
                                  [&](const v1::Connector& c) { return c.name() == name; });
  return found != connectors.end() ? &*found : nullptr;
}

Probations::Probations(std::vector<Entry> entries, MonotonicTime now)
    : entries_(std::move(entries)) {
  for (Entry& entry : entries_) {
    if (entry.pending()) entry.deadline = DeadlineOf(entry.record, now);
  }
}

bool Probations::OnChange(const Change& change, MonotonicTime now, const ReadIsp& read_isp) {
  for (Entry& entry : entries_) {
    const std::string& name = entry.record.connector();
    if (!entry.pending() || name == change.connector) continue;
    const v1::Connector* const after = FindConnector(change.after, name);
    if (!SameSettings(FindConnector(change.before, name), after)) {
      const std::optional<Connectors> former = read_isp(entry.former);
      const bool back = former.has_value() && SameSettings(FindConnector(*former, name), after);
      End(entry, back ? v1::Probation::TAKEN_BACK : v1::Probation::CONFIRMED);
      continue;
    }
    tixml::Node former = entry.former;
    ApplyChange(change.isp_before, change.isp_after, former);
    if (read_isp(former).has_value()) entry.former = std::move(former);
  }

  if (change.connector.empty()) return false;
  const v1::Connector* const before = FindConnector(change.before, change.connector);
  const v1::Connector* const after = FindConnector(change.after, change.connector);
  if (Entry* const entry = Pending(change.connector)) {
    entry->record.set_revision(change.revision);
    if (after != nullptr && after->confirm_time_s() > 0) {
      entry->record.set_confirm_time_s(after->confirm_time_s());
    }
    entry->deadline = DeadlineOf(entry->record, now);
    return true;
  }
  if (before == nullptr || !before->start() || SameSettings(before, after)) return false;
  Entry entry;
  entry.record.set_connector(std::string(change.connector));
  entry.record.set_revision(change.revision);
  entry.record.set_former_revision(change.former_revision);
  entry.record.set_state(v1::Probation::PENDING);
  entry.record.set_confirm_time_s((after != nullptr ? after : before)->confirm_time_s());
  if (entry.record.confirm_time_s() == 0) return false;
  entry.former = change.isp_before;
  entry.identity = change.identity;
  entry.deadline = DeadlineOf(entry.record, now);
  entries_.push_back(std::move(entry));
  Trim();
  return true;
}

bool Probations::Confirm(absl::string_view connector, int64_t revision) {
  Entry* const entry = Pending(connector);
  if (entry == nullptr || revision < entry->record.revision()) return false;
  End(*entry, v1::Probation::CONFIRMED);
  return true;
}

const Probations::Entry* Probations::Expired(MonotonicTime now) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.pending() && entry.deadline <= now;
  });
  return found != entries_.end() ? &*found : nullptr;
}

void Probations::TakeBack(absl::string_view connector) {
  if (Entry* const entry = Pending(connector)) End(*entry, v1::Probation::TAKEN_BACK);
}

void Probations::ForgetIdentities() {
  for (Entry& entry : entries_) entry.identity.Clear();
}

void Probations::Postpone(absl::string_view connector, MonotonicTime until) {
  if (Entry* const entry = Pending(connector)) entry->deadline = until;
}

bool Probations::AnyPending() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.pending(); });
}

MonotonicTime Probations::NextDeadline() const {
  MonotonicTime next = MonotonicTime::Never();
  for (const Entry& entry : entries_) next = std::min(next, entry.deadline);
  return next;
}

Probations::Entry* Probations::Pending(absl::string_view connector) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.pending() && entry.record.connector() == connector;
  });
  return found != entries_.end() ? &*found : nullptr;
}

void Probations::End(Entry& entry, v1::Probation::State state) {
  entry.record.set_state(state);
  entry.former = {};
  entry.identity.Clear();
  entry.deadline = MonotonicTime::Never();
}

void Probations::Trim() {
  while (entries_.size() > kKept) {
    const auto oldest = std::find_if(entries_.begin(), entries_.end(),
                                     [](const Entry& entry) { return !entry.pending(); });
    if (oldest == entries_.end()) return;  // never: one a connector is pending at most
    entries_.erase(oldest);
  }
}

}  // namespace fieldgate::config_store
