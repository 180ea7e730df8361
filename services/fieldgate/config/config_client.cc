#include "services/fieldgate/config/config_client.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/rpc.h"
#include "common/status/status.h"
#include "proto/config_store.grpc.pb.h"

namespace fieldgate::commands {
namespace {

namespace v1 = config_store::v1;

// One fsync, even on slow flash.
constexpr absl::Duration kTimeout = absl::Seconds(10);
// Locally a moment, unless the machine is very busy.
constexpr absl::Duration kConnectTimeout = absl::Seconds(5);

}  // namespace

struct ConfigClient::Stub {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::ConfigStore::Stub> config_store;
};

ConfigClient::ConfigClient(const service::StateDir& dir)
    : dir_(dir), stub_(std::make_unique<Stub>()) {
  stub_->channel = rpc::Connect(dir.Socket("config_store"));
  stub_->config_store = v1::ConfigStore::NewStub(stub_->channel);
}

ConfigClient::~ConfigClient() = default;

template <class Response, class Method, class Request>
absl::StatusOr<Response> ConfigClient::Call(Method method, const Request& request) {
  if (access(dir_.Socket("config_store").c_str(), F_OK) != 0) {
    return absl::UnavailableError(absl::StrCat(
        "no gateway runs on ", dir_.path, "; start it with: fieldgate run --state-dir=", dir_.path,
        " --device=FILE.json"));
  }
  if (!stub_->channel->WaitForConnected(absl::ToChronoTime(absl::Now() + kConnectTimeout))) {
    return absl::UnavailableError(absl::StrCat("config_store on ", dir_.path, " doesn't answer"));
  }
  grpc::ClientContext context;
  rpc::SetTimeout(context, kTimeout);
  Response response;
  const absl::Status status =
      rpc::FromGrpc(((*stub_->config_store).*method)(&context, request, &response));
  if (absl::IsNotFound(status)) return status;  // says all that there is to say
  if (!status.ok()) return Annotate(status, absl::StrCat("config_store on ", dir_.path));
  return response;
}

absl::StatusOr<v1::ListRevisionsResponse> ConfigClient::ListRevisions() {
  return Call<v1::ListRevisionsResponse>(&v1::ConfigStore::Stub::ListRevisions,
                                         v1::ListRevisionsRequest());
}

absl::StatusOr<v1::GetConfigResponse> ConfigClient::Get(int64_t revision,
                                                        const std::string& database) {
  if (revision == 0) {
    v1::GetConfigRequest request;
    request.set_database(database);
    return Call<v1::GetConfigResponse>(&v1::ConfigStore::Stub::GetConfig, request);
  }
  v1::GetRevisionRequest request;
  request.set_revision(revision);
  request.set_database(database);
  return Call<v1::GetConfigResponse>(&v1::ConfigStore::Stub::GetRevision, request);
}

absl::StatusOr<v1::SetConfigResponse> ConfigClient::Rollback(int64_t revision) {
  v1::RollbackRequest request;
  request.set_revision(revision);
  request.set_origin(absl::StrCat("command line: rollback to revision ", revision));
  return Call<v1::SetConfigResponse>(&v1::ConfigStore::Stub::Rollback, request);
}

}  // namespace fieldgate::commands
