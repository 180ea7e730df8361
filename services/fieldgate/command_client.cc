#include "services/fieldgate/command_client.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/rpc/rpc.h"
#include "common/status/status.h"
#include "proto/cloud_link.grpc.pb.h"

namespace fieldgate::commands {
namespace {

// The slowest commands wait for a device (60 s a try, 10 tries) or, the manual
// says in section 4, take some minutes.
constexpr absl::Duration kExecuteTimeout = absl::Minutes(15);
// Locally a moment, unless the machine is very busy.
constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
constexpr absl::Duration kPollPause = absl::Milliseconds(100);
// Reads from process_data and config_store the way a SetConfig will.
constexpr char kProbe[] = "[<Get _=\"/Process/Program/Mode\"/><GetConfig/>]";

}  // namespace

struct CommandClient::Stub {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<cloud_link::v1::CloudLink::Stub> cloud_link;
};

CommandClient::CommandClient(const service::StateDir& dir)
    : dir_(dir), stub_(std::make_unique<Stub>()) {
  stub_->channel = rpc::Connect(dir.Socket("cloud_link"));
  stub_->cloud_link = cloud_link::v1::CloudLink::NewStub(stub_->channel);
}

CommandClient::~CommandClient() = default;

absl::Status CommandClient::WaitUntilReady(absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  std::string missing;
  while (true) {
    grpc::ClientContext context;
    // A channel makes progress only while a call is under way: without this
    // the calls fail at once, and connecting between them takes seconds.
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(deadline));
    cloud_link::v1::ExecuteRequest request;
    request.set_text(kProbe);
    request.set_origin("import");
    cloud_link::v1::ExecuteResponse response;
    const absl::Status answered =
        rpc::FromGrpc(stub_->cloud_link->Execute(&context, request, &response));
    if (answered.ok() && !response.failed()) return absl::OkStatus();
    missing = answered.ok() ? absl::StrJoin(response.problems(), "; ")
                            : absl::StrCat("cloud_link doesn't answer: ", answered.message());
    if (absl::Now() + kPollPause >= deadline) break;
    absl::SleepFor(kPollPause);
  }
  return absl::UnavailableError(absl::StrCat("the gateway on ", dir_.path, " is not ready after ",
                                             absl::FormatDuration(patience), ": ", missing));
}

absl::StatusOr<cloud_link::v1::ExecuteResponse> CommandClient::Execute(const std::string& text,
                                                                       const std::string& origin) {
  if (access(dir_.Socket("cloud_link").c_str(), F_OK) != 0) {
    return absl::UnavailableError(absl::StrCat(
        "no gateway runs on ", dir_.path, "; start it with: fieldgate run --state-dir=", dir_.path,
        " --device=FILE.json"));
  }
  if (!stub_->channel->WaitForConnected(absl::ToChronoTime(absl::Now() + kConnectTimeout))) {
    return absl::UnavailableError(absl::StrCat("cloud_link on ", dir_.path, " doesn't answer"));
  }
  grpc::ClientContext context;
  rpc::SetTimeout(context, kExecuteTimeout);
  cloud_link::v1::ExecuteRequest request;
  request.set_text(text);
  request.set_origin(origin);
  cloud_link::v1::ExecuteResponse response;
  const absl::Status status =
      rpc::FromGrpc(stub_->cloud_link->Execute(&context, request, &response));
  if (!status.ok()) return Annotate(status, absl::StrCat("cloud_link on ", dir_.path));
  return response;
}

}  // namespace fieldgate::commands
