#include "services/cloud_link/cloud_link_service.h"

#include "absl/strings/str_cat.h"
#include "common/rpc/rpc.h"

namespace fieldgate::cloud_link {
namespace {

// How soon a watcher that went away is noticed.
constexpr absl::Duration kLookEvery = absl::Milliseconds(500);
constexpr int kLossesByDefault = 100;

}  // namespace

grpc::Status CloudLinkService::Execute(grpc::ServerContext*, const v1::ExecuteRequest* request,
                                       v1::ExecuteResponse* response) {
  absl::StatusOr<Interpreter::TextResult> result =
      gateway_.Execute(request->text(), request->origin());
  if (!result.ok()) return rpc::ToGrpc(result.status());
  response->set_text(std::move(result->text));
  response->set_failed(result->failed);
  for (std::string& line : result->warnings) response->add_warnings(std::move(line));
  for (std::string& line : result->problems) response->add_problems(std::move(line));
  return grpc::Status::OK;
}

grpc::Status CloudLinkService::GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*,
                                         v1::GetStatusResponse* response) {
  absl::StatusOr<v1::GetStatusResponse> status = gateway_.Status();
  if (!status.ok()) return rpc::ToGrpc(status.status());
  *response = *std::move(status);
  return grpc::Status::OK;
}

grpc::Status CloudLinkService::WatchStatus(grpc::ServerContext* context,
                                           const v1::GetStatusRequest*,
                                           grpc::ServerWriter<v1::GetStatusResponse>* writer) {
  uint64_t version = 0;
  while (!context->IsCancelled() && !gateway_.stopped()) {
    const uint64_t now = gateway_.AwaitChange(version, kLookEvery);
    if (now == version) continue;
    version = now;
    absl::StatusOr<v1::GetStatusResponse> status = gateway_.Status();
    if (!status.ok()) return rpc::ToGrpc(status.status());
    if (!writer->Write(*status)) break;
  }
  return grpc::Status::OK;
}

grpc::Status CloudLinkService::ListLosses(grpc::ServerContext*,
                                          const v1::ListLossesRequest* request,
                                          v1::ListLossesResponse* response) {
  if (request->count() < 0 || request->count() > kMaxLossRecords) {
    return {grpc::StatusCode::INVALID_ARGUMENT,
            absl::StrCat("count ", request->count(), " is none of 1 to ", kMaxLossRecords,
                         "; 0 means ", kLossesByDefault)};
  }
  const int count = request->count() == 0 ? kLossesByDefault : request->count();
  absl::StatusOr<v1::ListLossesResponse> losses = gateway_.ListLosses(request->connector(), count);
  if (!losses.ok()) return rpc::ToGrpc(losses.status());
  *response = *std::move(losses);
  return grpc::Status::OK;
}

}  // namespace fieldgate::cloud_link
