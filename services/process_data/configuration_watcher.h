#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "proto/config_store.pb.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace fieldgate::process_data {

// Follows the configuration of config_store, which may be down, start later,
// or go and come back: it is asked again for ever.
class ConfigurationWatcher {
 public:
  using Handler = std::function<void(const config_store::v1::Configuration&)>;

  // Calls `handler` on a thread of its own with the present configuration and
  // each new one, from now on until the destructor returns.
  ConfigurationWatcher(std::shared_ptr<grpc::Channel> channel, Handler handler);
  ~ConfigurationWatcher();

 private:
  void Run();
  void Watch(grpc::ClientContext& context);

  const std::shared_ptr<grpc::Channel> channel_;
  const Handler handler_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  grpc::ClientContext* running_ = nullptr;
  bool connected_ = false;  // the thread's, for the log
  bool complained_ = false;
  std::thread thread_;
};

}  // namespace fieldgate::process_data
