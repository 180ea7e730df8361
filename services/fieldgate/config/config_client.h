#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/service/service.h"
#include "proto/config_store.pb.h"

namespace fieldgate::commands {

// The config_store of the gateway on a state directory. Each call blocks for 10 s
// at most; its errors say what to do, and are those of proto/config_store.proto.
class ConfigClient {
 public:
  explicit ConfigClient(const service::StateDir& dir);
  ~ConfigClient();

  absl::StatusOr<config_store::v1::ListRevisionsResponse> ListRevisions();
  // `revision` 0: what is in force. `database` empty: all.
  absl::StatusOr<config_store::v1::GetConfigResponse> Get(int64_t revision,
                                                          const std::string& database);
  absl::StatusOr<config_store::v1::SetConfigResponse> Rollback(int64_t revision);

 private:
  struct Stub;
  // Calls a method, once the service is there.
  template <class Response, class Method, class Request>
  absl::StatusOr<Response> Call(Method method, const Request& request);

  const service::StateDir dir_;
  const std::unique_ptr<Stub> stub_;
};

}  // namespace fieldgate::commands
