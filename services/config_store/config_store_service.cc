#include "services/config_store/config_store_service.h"

#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "common/rpc/rpc.h"
#include "common/tixml/node_proto.h"
#include "grpcpp/support/server_callback.h"
#include "proto/config_store.grpc.pb.h"

namespace fieldgate::config_store {
namespace {

using grpc::ServerContext;
using grpc::Status;

using Snapshot = std::shared_ptr<const v1::Configuration>;

class Watch;

// The open WatchConfiguration streams and what they have to send. One mutex
// for all: there are few of them, and they do next to nothing.
struct Watches {
  std::mutex mutex;  // guards all that follows, and the state of each Watch
  Snapshot latest;
  std::set<Watch*> open;
  bool shut_down = false;
};

// One stream. A configuration that comes while one is being written replaces
// the one before that: the last one always arrives.
class Watch : public grpc::ServerWriteReactor<v1::Configuration> {
 public:
  explicit Watch(std::shared_ptr<Watches> watches) : watches_(std::move(watches)) {
    const std::lock_guard lock(watches_->mutex);
    watches_->open.insert(this);
    if (watches_->shut_down) End(Status(grpc::StatusCode::UNAVAILABLE, "shutting down"));
    Advance();
  }

  // Sends what is new, or ends the stream; the mutex is held.
  void Advance() {
    if (writing_ || finished_) return;
    if (ending_) {
      finished_ = true;
      Finish(end_status_);
    } else if (sent_ != watches_->latest) {
      sent_ = watches_->latest;
      writing_ = true;
      StartWrite(sent_.get());
    }
  }

  void End(const Status& status) {
    if (ending_) return;
    ending_ = true;
    end_status_ = status;
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(watches_->mutex);
    writing_ = false;
    if (!ok) End(Status::CANCELLED);
    Advance();
  }

  void OnCancel() override {
    const std::lock_guard lock(watches_->mutex);
    End(Status::CANCELLED);
    Advance();
  }

  void OnDone() override {
    {
      const std::lock_guard lock(watches_->mutex);
      watches_->open.erase(this);
    }
    delete this;
  }

 private:
  const std::shared_ptr<Watches> watches_;
  Snapshot sent_;
  Status end_status_;
  bool writing_ = false;
  bool ending_ = false;
  bool finished_ = false;
};

}  // namespace

class ConfigStoreService::Impl
    : public v1::ConfigStore::WithCallbackMethod_WatchConfiguration<v1::ConfigStore::Service> {
 public:
  explicit Impl(ConfigurationStore& store) : store_(store) {
    {
      const std::lock_guard lock(watches_->mutex);
      watches_->latest = store.Current();
    }
    store.SetListener([watches = watches_](Snapshot configuration) {
      const std::lock_guard lock(watches->mutex);
      watches->latest = std::move(configuration);
      for (Watch* watch : watches->open) watch->Advance();
    });
  }

  ~Impl() override { store_.SetListener(nullptr); }

  void Shutdown() {
    const std::lock_guard lock(watches_->mutex);
    watches_->shut_down = true;
    for (Watch* watch : watches_->open) {
      watch->End(Status(grpc::StatusCode::UNAVAILABLE, "shutting down"));
      watch->Advance();
    }
  }

  grpc::ServerWriteReactor<v1::Configuration>* WatchConfiguration(
      grpc::CallbackServerContext*, const v1::WatchConfigurationRequest*) override {
    return new Watch(watches_);
  }

  Status SetConfig(ServerContext*, const v1::SetConfigRequest* request,
                   v1::SetConfigResponse* response) override {
    // As one tree, so that the limits hold for all of them together.
    tixml::v1::Node tree;
    *tree.mutable_children() = request->children();
    absl::StatusOr<tixml::Node> node = tixml::FromProto(tree);
    if (!node.ok()) return rpc::ToGrpc(node.status());
    absl::StatusOr<v1::SetConfigResponse> result =
        store_.SetConfig(request->database(), std::move(node->children), request->origin());
    if (!result.ok()) return rpc::ToGrpc(result.status());
    *response = *std::move(result);
    return Status::OK;
  }

  Status GetConfig(ServerContext*, const v1::GetConfigRequest* request,
                   v1::GetConfigResponse* response) override {
    const absl::StatusOr<ConfigurationStore::Nodes> result = store_.GetConfig(request->database());
    if (!result.ok()) return rpc::ToGrpc(result.status());
    for (const tixml::Node& node : result->nodes) tixml::ToProto(node, response->add_nodes());
    response->set_revision(result->revision);
    return Status::OK;
  }

  Status ListRevisions(ServerContext*, const v1::ListRevisionsRequest*,
                       v1::ListRevisionsResponse* response) override {
    const auto revisions = store_.ListRevisions();
    if (!revisions.ok()) return rpc::ToGrpc(revisions.status());
    for (const auto& revision : *revisions) *response->add_revisions() = revision;
    return Status::OK;
  }

  Status SaveIdentity(ServerContext*, const v1::SaveIdentityRequest* request,
                      v1::SaveIdentityResponse*) override {
    return rpc::ToGrpc(store_.SaveIdentity(request->connector(), request->identity()));
  }

  Status DeleteIdentities(ServerContext*, const v1::DeleteIdentitiesRequest*,
                          v1::DeleteIdentitiesResponse*) override {
    return rpc::ToGrpc(store_.DeleteIdentities());
  }

  Status AppendSupportLog(ServerContext*, const v1::AppendSupportLogRequest* request,
                          v1::AppendSupportLogResponse*) override {
    return rpc::ToGrpc(store_.AppendMessage(request->entry()));
  }

  Status ListSupportLog(ServerContext*, const v1::ListSupportLogRequest* request,
                        v1::ListSupportLogResponse* response) override {
    absl::StatusOr<v1::ListSupportLogResponse> list =
        store_.ListMessages(request->log(), request->count());
    if (!list.ok()) return rpc::ToGrpc(list.status());
    *response = *std::move(list);
    return Status::OK;
  }

 private:
  ConfigurationStore& store_;
  const std::shared_ptr<Watches> watches_ = std::make_shared<Watches>();
};

ConfigStoreService::ConfigStoreService(ConfigurationStore& store)
    : impl_(std::make_unique<Impl>(store)) {}

ConfigStoreService::~ConfigStoreService() = default;

grpc::Service* ConfigStoreService::service() { return impl_.get(); }

void ConfigStoreService::Shutdown() { impl_->Shutdown(); }

}  // namespace fieldgate::config_store
