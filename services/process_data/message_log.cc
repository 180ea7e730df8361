#include "services/process_data/message_log.h"

#include <utility>

#include "common/rpc/rpc.h"
#include "proto/config_store.grpc.pb.h"

namespace fieldgate::process_data {
namespace {

// It answers within a millisecond, or it is busy with a SetConfig.
constexpr absl::Duration kTimeout = absl::Milliseconds(500);

}  // namespace

absl::Status AppendSupportLog(const std::shared_ptr<grpc::Channel>& channel,
                              const std::string& message) {
  grpc::ClientContext context;
  rpc::SetTimeout(context, kTimeout);
  config_store::v1::AppendSupportLogRequest request;
  request.mutable_entry()->set_source("process_data");
  request.mutable_entry()->set_message(message);
  config_store::v1::AppendSupportLogResponse response;
  const auto stub = config_store::v1::ConfigStore::NewStub(channel);
  return rpc::FromGrpc(stub->AppendSupportLog(&context, request, &response));
}

std::function<std::optional<int64_t>(const std::string& log)> MessageLogCounter(
    std::shared_ptr<grpc::Channel> channel) {
  return [channel = std::move(channel)](const std::string& log) -> std::optional<int64_t> {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kTimeout);
    config_store::v1::ListSupportLogRequest request;
    request.set_log(log);
    request.set_count(1);
    config_store::v1::ListSupportLogResponse response;
    const auto stub = config_store::v1::ConfigStore::NewStub(channel);
    if (!stub->ListSupportLog(&context, request, &response).ok()) return std::nullopt;
    return response.total();
  };
}

}  // namespace fieldgate::process_data
