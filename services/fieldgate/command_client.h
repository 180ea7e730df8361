#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/service/service.h"
#include "proto/cloud_link.pb.h"

namespace fieldgate::commands {

// Has commands executed by the gateway that runs on a state directory.
// Thread-compatible; every call blocks up to its deadline.
class CommandClient {
 public:
  explicit CommandClient(const service::StateDir& dir);
  ~CommandClient();

  // Returns when cloud_link answers and reaches the other two services.
  // kUnavailable: not within `patience`; says what is missing.
  absl::Status WaitUntilReady(absl::Duration patience);

  // Executes the commands of `text`. A failing command is no error here.
  // kUnavailable:       no gateway runs on the directory, or cloud_link ended
  //                     meanwhile; the message tells which.
  // kResourceExhausted: too many commands are waiting already.
  // kDeadlineExceeded:  no answer in time; the commands may still be executed.
  absl::StatusOr<cloud_link::v1::ExecuteResponse> Execute(const std::string& text,
                                                          const std::string& origin);

 private:
  struct Stub;
  const service::StateDir dir_;
  std::unique_ptr<Stub> stub_;
};

}  // namespace fieldgate::commands
