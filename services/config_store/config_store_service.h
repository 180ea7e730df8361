#pragma once

#include <memory>
#include <string>

#include "services/config_store/configuration_store.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace fieldgate::config_store {

// The gRPC service of proto/config_store.proto over a ConfigurationStore, which
// must outlive it. Thread-safe.
class ConfigStoreService {
 public:
  // `factory_file`: the factory's configuration, read at each reset.
  ConfigStoreService(ConfigurationStore& store, const std::string& factory_file);
  ~ConfigStoreService();

  // For the server; call Shutdown before the server's, and destroy this after it.
  grpc::Service* service();

  // Ends all WatchConfiguration streams, also later ones, with UNAVAILABLE.
  void Shutdown();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fieldgate::config_store
