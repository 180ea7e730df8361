#include "services/cloud_link/clients/config_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/rpc.h"
#include "common/status/status.h"
#include "common/tixml/node_proto.h"
#include "proto/config_store.grpc.pb.h"
#include "services/cloud_link/clients/stream_thread.h"

namespace fieldgate::cloud_link {
namespace {

namespace v1 = config_store::v1;

// One fsync, even on slow flash.
constexpr absl::Duration kTimeout = absl::Seconds(10);
// A killed service is back within a second.
constexpr absl::Duration kConnectTimeout = absl::Seconds(3);

class GrpcConfigClient : public ConfigClient {
 public:
  explicit GrpcConfigClient(const std::string& socket)
      : channel_(rpc::Connect(socket)), stub_(v1::ConfigStore::NewStub(channel_)) {}

  absl::StatusOr<v1::SetConfigResponse> SetConfig(absl::string_view database,
                                                  const std::vector<tixml::Node>& children,
                                                  const Origin& origin) override {
    v1::SetConfigRequest request;
    request.set_database(std::string(database));
    request.set_origin(origin.who);
    request.set_connector(origin.connector);
    for (const tixml::Node& child : children) tixml::ToProto(child, request.add_children());
    v1::SetConfigResponse response;
    if (absl::Status s = Call(&v1::ConfigStore::Stub::SetConfig, request, response); !s.ok()) {
      return s;
    }
    return response;
  }

  absl::StatusOr<std::vector<tixml::Node>> GetConfig(absl::string_view database) override {
    v1::GetConfigRequest request;
    request.set_database(std::string(database));
    v1::GetConfigResponse response;
    if (absl::Status s = Call(&v1::ConfigStore::Stub::GetConfig, request, response); !s.ok()) {
      return s;
    }
    std::vector<tixml::Node> nodes;
    for (const auto& node : response.nodes()) {
      absl::StatusOr<tixml::Node> parsed = tixml::FromProto(node);
      if (!parsed.ok()) return Annotate(parsed.status(), "answer of config_store");
      nodes.push_back(*std::move(parsed));
    }
    return nodes;
  }

  absl::StatusOr<v1::ListSupportLogResponse> ListMessages(absl::string_view log,
                                                          int count) override {
    v1::ListSupportLogRequest request;
    request.set_log(std::string(log));
    request.set_count(count);
    v1::ListSupportLogResponse response;
    absl::Status s = Call(&v1::ConfigStore::Stub::ListSupportLog, request, response);
    if (!s.ok()) return s;
    return response;
  }

  absl::Status SaveIdentity(absl::string_view connector, const Identity& identity) override {
    v1::SaveIdentityRequest request;
    request.set_connector(std::string(connector));
    v1::Identity& out = *request.mutable_identity();
    out.set_gateway_id(identity.gateway_id);
    out.set_customer_id(identity.customer_id);
    out.set_data_broker_url(identity.data_broker_url);
    if (identity.data_broker_qos) out.set_data_broker_qos(*identity.data_broker_qos);
    v1::SaveIdentityResponse response;
    return Call(&v1::ConfigStore::Stub::SaveIdentity, request, response);
  }

  absl::Status DeleteIdentities() override {
    v1::DeleteIdentitiesResponse response;
    return Call(&v1::ConfigStore::Stub::DeleteIdentities, v1::DeleteIdentitiesRequest(), response);
  }

  absl::Status FactoryReset(const Origin& origin, bool check_only) override {
    v1::FactoryResetRequest request;
    request.set_origin(origin.who);
    request.set_connector(origin.connector);
    request.set_check_only(check_only);
    v1::SetConfigResponse response;
    if (absl::Status s = Call(&v1::ConfigStore::Stub::FactoryReset, request, response); !s.ok()) {
      return s;
    }
    if (response.applied()) return absl::OkStatus();
    std::string why = "the factory's configuration is not valid";
    for (const v1::Problem& problem : response.problems()) {
      if (problem.severity() != v1::Problem::ERROR) continue;
      absl::StrAppend(&why, "; ", problem.path(), ": ", problem.message());
    }
    return absl::FailedPreconditionError(why);
  }

  absl::Status AppendMessage(absl::string_view log, absl::string_view message) override {
    v1::AppendSupportLogRequest request;
    request.mutable_entry()->set_log(std::string(log));
    request.mutable_entry()->set_source("cloud_link");
    request.mutable_entry()->set_message(std::string(message));
    v1::AppendSupportLogResponse response;
    return Call(&v1::ConfigStore::Stub::AppendSupportLog, request, response);
  }

  absl::Status ConfirmConfiguration(absl::string_view connector, int64_t revision) override {
    v1::ConfirmConfigurationRequest request;
    request.set_connector(std::string(connector));
    request.set_revision(revision);
    v1::ConfirmConfigurationResponse response;
    return Call(&v1::ConfigStore::Stub::ConfirmConfiguration, request, response);
  }

 private:
  template <class Method, class Request, class Response>
  absl::Status Call(Method method, const Request& request, Response& response) {
    absl::Status ready = rpc::AwaitConnected(*channel_, "config_store", kConnectTimeout);
    if (!ready.ok()) return ready;
    grpc::ClientContext context;
    rpc::SetTimeout(context, kTimeout);
    return Annotate(rpc::FromGrpc((*stub_.*method)(&context, request, &response)), "config_store");
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::ConfigStore::Stub> stub_;
};

class GrpcConfigWatch : public ConfigWatch {
 public:
  GrpcConfigWatch(const std::string& socket,
                  std::function<void(v1::Configuration)> on_configuration,
                  std::function<void(bool)> on_link)
      : stub_(v1::ConfigStore::NewStub(rpc::Connect(socket))),
        on_configuration_(std::move(on_configuration)),
        on_link_(std::move(on_link)),
        thread_([this](grpc::ClientContext& context) { Watch(context); }) {}

 private:
  void Watch(grpc::ClientContext& context) {
    const auto reader = stub_->WatchConfiguration(&context, v1::WatchConfigurationRequest());
    v1::Configuration configuration;
    bool up = false;
    while (reader->Read(&configuration)) {
      if (!up) on_link_(true);
      up = true;
      on_configuration_(std::move(configuration));
    }
    reader->Finish();
    if (up) on_link_(false);
  }

  std::unique_ptr<v1::ConfigStore::Stub> stub_;
  const std::function<void(v1::Configuration)> on_configuration_;
  const std::function<void(bool)> on_link_;
  StreamThread thread_;  // last: its thread uses the others
};

}  // namespace

std::unique_ptr<ConfigClient> MakeGrpcConfigClient(const std::string& socket) {
  return std::make_unique<GrpcConfigClient>(socket);
}

std::unique_ptr<ConfigWatch> WatchConfiguration(
    const std::string& socket, std::function<void(v1::Configuration)> on_configuration,
    std::function<void(bool)> on_link) {
  return std::make_unique<GrpcConfigWatch>(socket, std::move(on_configuration), std::move(on_link));
}

}  // namespace fieldgate::cloud_link
