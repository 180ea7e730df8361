#include "services/process_data/support_log.h"

#include <utility>

#include "common/rpc/rpc.h"
#include "proto/config_store.grpc.pb.h"

namespace fieldgate::process_data {
namespace {

// It answers within a millisecond, or it is busy with a SetConfig.
constexpr absl::Duration kTimeout = absl::Milliseconds(500);

}  // namespace

std::function<std::optional<int64_t>()> SupportLogCounter(std::shared_ptr<grpc::Channel> channel) {
  return [channel = std::move(channel)]() -> std::optional<int64_t> {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kTimeout);
    config_store::v1::ListSupportLogRequest request;
    request.set_count(1);
    config_store::v1::ListSupportLogResponse response;
    const auto stub = config_store::v1::ConfigStore::NewStub(channel);
    if (!stub->ListSupportLog(&context, request, &response).ok()) return std::nullopt;
    return response.total();
  };
}

}  // namespace fieldgate::process_data
