#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/time/threads.h"
#include "proto/config_store.pb.h"
#include "services/cloud_link/command/ports.h"

namespace fieldgate::cloud_link {

// The EventHandlers in force, for DoOn. Thread-safe.
class EventHandlers : public EventPort {
 public:
  explicit EventHandlers(Threads& threads);

  // Replaces all by those of a configuration. Doesn't block.
  void Configure(const config_store::v1::Events& events, int64_t revision);

  absl::StatusOr<std::shared_ptr<const std::vector<tixml::Node>>> Handler(
      absl::string_view name, int64_t revision) override;

 private:
  const Clock& clock_;
  const std::unique_ptr<ConditionVariable> changed_;
  std::mutex mutex_;  // guards what follows
  int64_t revision_ = 0;
  std::map<std::string, std::shared_ptr<const std::vector<tixml::Node>>, std::less<>> handlers_;
};

}  // namespace fieldgate::cloud_link
