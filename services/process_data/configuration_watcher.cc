#include "services/process_data/configuration_watcher.h"

#include <chrono>
#include <utility>

#include "common/log/log.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "proto/config_store.grpc.pb.h"

namespace fieldgate::process_data {
namespace {

// A service restarts within a second or two; asking costs next to nothing.
constexpr auto kPause = std::chrono::milliseconds(250);

}  // namespace

ConfigurationWatcher::ConfigurationWatcher(std::shared_ptr<grpc::Channel> channel, Handler handler)
    : channel_(std::move(channel)), handler_(std::move(handler)), thread_([this] { Run(); }) {}

ConfigurationWatcher::~ConfigurationWatcher() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    if (running_ != nullptr) running_->TryCancel();
    stopped_.notify_all();
  }
  thread_.join();
}

void ConfigurationWatcher::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    grpc::ClientContext context;  // no deadline: it lasts as long as both services
    running_ = &context;
    lock.unlock();
    Watch(context);
    lock.lock();
    running_ = nullptr;
    stopped_.wait_for(lock, kPause, [this] { return stopping_; });
  }
}

void ConfigurationWatcher::Watch(grpc::ClientContext& context) {
  const auto stub = config_store::v1::ConfigStore::NewStub(channel_);
  const auto reader = stub->WatchConfiguration(&context, {});
  config_store::v1::Configuration configuration;
  while (reader->Read(&configuration)) {
    if (!std::exchange(connected_, true)) log::Info("config_store is there");
    handler_(configuration);
  }
  const grpc::Status status = reader->Finish();
  if (std::exchange(connected_, false) || !std::exchange(complained_, true)) {
    log::Warning("no connection to config_store; going on with what there is",
                 {{"error", status.error_message()}});
  }
}

}  // namespace fieldgate::process_data
