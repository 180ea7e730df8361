#include "common/service/databases.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "common/log/log.h"
#include "common/sqlite/recovery.h"

namespace fieldgate::service {
namespace {

constexpr size_t kMaxRecoveries = 20;  // proto/service.proto

}  // namespace

std::vector<v1::Recovery> Databases::ListRecoveries() const {
  std::vector<v1::Recovery> list;
  for (const std::string& path : paths_) {
    for (const sqlite::Recovery& r : sqlite::ListRecoveries(disk_, path)) {
      v1::Recovery& recovery = list.emplace_back();
      recovery.set_file(r.file);
      recovery.set_put_aside(r.put_aside);
      recovery.set_at(r.at);
      recovery.set_why(r.why);
      recovery.set_rows_saved(r.rows_saved);
      recovery.set_rows_lost(r.rows_lost);
      recovery.set_effect(r.effect);
    }
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const v1::Recovery& a, const v1::Recovery& b) { return a.at() > b.at(); });
  if (list.size() > kMaxRecoveries) list.resize(kMaxRecoveries);
  return list;
}

absl::Status Databases::Tell(const std::function<absl::Status(const std::string&)>& append) {
  for (const std::string& path : paths_) {
    const std::vector<sqlite::Recovery> untold = sqlite::UntoldRecoveries(disk_, path);
    if (untold.empty()) continue;
    for (const sqlite::Recovery& recovery : untold) {
      if (absl::Status s = append(sqlite::Describe(recovery)); !s.ok()) return s;
    }
    if (absl::Status s = sqlite::MarkTold(disk_, path); !s.ok()) return s;
  }
  return absl::OkStatus();
}

std::function<void(const absl::Status&)> Databases::OnDamage(const std::string& path) {
  return [this, path](const absl::Status& why) {
    {
      const std::lock_guard lock(mutex_);
      if (!damage_.ok()) return;
      damage_ = why;
    }
    log::Error("a database is damaged; the service starts anew and saves its rows",
               {{"file", path}, {"why", std::string(why.message())}});
    // Without the note the check at the start finds it, if it can be found.
    if (absl::Status s = sqlite::NoteDamage(disk_, path, why.message()); !s.ok()) {
      log::Error("the damage can't be noted", {{"why", s.ToString()}});
    }
    kill(getpid(), SIGTERM);
  };
}

absl::Status Databases::AtStart(const std::string& path, const absl::Status& status) {
  if (absl::IsDataLoss(status)) OnDamage(path)(status);
  return status;
}

absl::Status Databases::damage() const {
  const std::lock_guard lock(mutex_);
  return damage_;
}

}  // namespace fieldgate::service
