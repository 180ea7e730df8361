#include "services/fieldgate/status.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/rpc.h"
#include "proto/cloud_link.grpc.pb.h"
#include "proto/process_data.grpc.pb.h"
#include "proto/service.grpc.pb.h"
#include "services/fieldgate/status_report.h"
#include "services/fieldgate/usage.h"

namespace fieldgate::commands {
namespace {

// Status calls wait for nothing: more means that a service hangs.
constexpr absl::Duration kTimeout = absl::Seconds(2);

constexpr char kDetails[] =
    R"(A service that doesn't answer is shown as down, and the rest as far as it is
known. The keys of --json are in the manual of fieldgate; time is UTC.

Examples:
  fieldgate status --state-dir=/tmp/gw
  fieldgate status --state-dir=/tmp/gw --json | jq '.connectors[].state'

Exit status: 0 all services are up; 1 one is down; 2 misuse.)";

void AddRecoveries(const std::string& socket, GatewayStatus& status) {
  const auto stub = service::v1::Control::NewStub(rpc::Connect(socket));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  rpc::SetTimeout(context, kTimeout);
  service::v1::ListRecoveriesResponse response;
  if (!stub->ListRecoveries(&context, {}, &response).ok()) return;
  for (service::v1::Recovery& recovery : *response.mutable_recoveries()) {
    status.recoveries.push_back(std::move(recovery));
  }
}

GatewayStatus Collect(const service::StateDir& dir) {
  GatewayStatus status;
  for (const char* name : {"config_store", "process_data", "cloud_link"}) {
    status.services.push_back(CheckHealth(dir, name, kTimeout));
    if (status.services.back().up) AddRecoveries(dir.Socket(name), status);
  }
  std::stable_sort(status.recoveries.begin(), status.recoveries.end(),
                   [](const auto& a, const auto& b) { return a.at() > b.at(); });
  if (status.services[1].up) {
    const auto stub =
        process_data::v1::ProcessData::NewStub(rpc::Connect(dir.Socket("process_data")));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    rpc::SetTimeout(context, kTimeout);
    process_data::v1::GetDeviceStatusResponse response;
    if (stub->GetDeviceStatus(&context, {}, &response).ok()) status.process_data = response;
  }
  if (status.services[2].up) {
    const auto stub = cloud_link::v1::CloudLink::NewStub(rpc::Connect(dir.Socket("cloud_link")));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    rpc::SetTimeout(context, kTimeout);
    cloud_link::v1::GetStatusResponse response;
    if (stub->GetStatus(&context, {}, &response).ok()) status.cloud_link = response;
  }
  return status;
}

}  // namespace

int Status(int argc, char** argv) {
  service::StateDir dir;
  bool as_json = false;
  const cli::Command command = {
      .name = "fieldgate status",
      .summary =
          "Shows how a gateway is: its services, connectors, mode, bus devices and "
          "damaged databases.",
      .usage = "--state-dir=DIR [--json]",
      .options = {StateDirOption(&dir.path),
                  {.name = "json",
                   .placeholder = "",
                   .help = "Prints one JSON object, for programs.",
                   .flag = &as_json}},
      .positional = nullptr,
      .details = kDetails,
  };
  if (const auto status = ParseOrExit(command, argc, argv)) return *status;
  if (dir.path.empty()) return Misuse(command, "--state-dir=DIR is missing");

  const GatewayStatus status = Collect(dir);
  const std::string text =
      as_json ? absl::StrCat(StatusJson(status), "\n") : StatusText(status, absl::Now());
  std::fputs(text.c_str(), stdout);
  return AllUp(status) ? kDone : kFailed;
}

}  // namespace fieldgate::commands
