#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "services/cloud_link/command/ports.h"
#include "services/cloud_link/lifecycle/lifecycle.h"

namespace fieldgate::cloud_link {

// config_store as cloud_link sees it. Thread-safe. The calls block for at most
// some seconds, so they are made on a worker.
class ConfigClient : public ConfigPort {
 public:
  virtual absl::Status SaveIdentity(absl::string_view connector, const Identity& identity) = 0;
  virtual absl::Status DeleteIdentities() = 0;
  // Back to the factory's configuration; with `check_only` nothing is changed.
  // kFailedPrecondition: it can't be used; says why.
  virtual absl::Status FactoryReset(const Origin& origin, bool check_only) = 0;
  // An entry in a log of messages: "SupportLog", "Event".
  virtual absl::Status AppendMessage(absl::string_view log, absl::string_view message) = 0;
  virtual absl::Status ConfirmConfiguration(absl::string_view connector, int64_t revision) = 0;
};

// Over gRPC at `socket`, which need not exist yet.
std::unique_ptr<ConfigClient> MakeGrpcConfigClient(const std::string& socket);

// Watches the configuration for as long as it lives, across restarts of
// config_store. Callbacks come on a thread of its own.
class ConfigWatch {
 public:
  virtual ~ConfigWatch() = default;
};
std::unique_ptr<ConfigWatch> WatchConfiguration(
    const std::string& socket,
    std::function<void(config_store::v1::Configuration)> on_configuration,
    std::function<void(bool up)> on_link);

}  // namespace fieldgate::cloud_link
