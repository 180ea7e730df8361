#include "services/fieldgate/losses.h"

#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/rpc.h"
#include "common/service/service.h"
#include "proto/cloud_link.grpc.pb.h"
#include "services/fieldgate/status_report.h"
#include "services/fieldgate/usage.h"

namespace fieldgate::commands {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(5);
constexpr int kMaxCount = 1'000;

constexpr char kDetails[] =
    R"(What the bounds of the cache, its policy, a damaged record or a failing disk took,
newest first: how many messages, their ids, from when to when (as the messages had
it, UTC without TimeZone), why, and whether the portal was told. The last 1,000 of
a connector are kept. The keys of --json are in the manual of fieldgate.

Examples:
  fieldgate losses --state-dir=/tmp/gw
  fieldgate losses --state-dir=/tmp/gw --count=1000 --json CloudConn2

Exit status: 0 done; 1 cloud_link doesn't answer, or has no such connector;
2 misuse.)";

using Stub = cloud_link::v1::CloudLink::Stub;

absl::StatusOr<std::vector<std::string>> Connectors(Stub& stub) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  rpc::SetTimeout(context, kTimeout);
  cloud_link::v1::GetStatusResponse response;
  const grpc::Status status = stub.GetStatus(&context, {}, &response);
  if (!status.ok()) return rpc::FromGrpc(status);
  std::vector<std::string> names;
  for (const auto& connector : response.connectors()) names.push_back(connector.name());
  return names;
}

absl::StatusOr<std::vector<ConnectorLosses>> Collect(const service::StateDir& dir,
                                                     std::vector<std::string> connectors,
                                                     int count) {
  const auto stub = cloud_link::v1::CloudLink::NewStub(rpc::Connect(dir.Socket("cloud_link")));
  if (connectors.empty()) {
    absl::StatusOr<std::vector<std::string>> all = Connectors(*stub);
    if (!all.ok()) return all.status();
    connectors = *std::move(all);
  }
  std::vector<ConnectorLosses> out;
  for (std::string& connector : connectors) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    rpc::SetTimeout(context, kTimeout);
    cloud_link::v1::ListLossesRequest request;
    request.set_connector(connector);
    request.set_count(count);
    cloud_link::v1::ListLossesResponse response;
    const grpc::Status status = stub->ListLosses(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    out.push_back({std::move(connector), {response.losses().begin(), response.losses().end()}});
  }
  return out;
}

}  // namespace

int Losses(int argc, char** argv) {
  service::StateDir dir;
  bool as_json = false;
  std::string count_text = "20";
  std::vector<std::string> connectors;
  const cli::Command command = {
      .name = "fieldgate losses",
      .summary = "Shows what of the data for the portal was lost, and why.",
      .usage = "--state-dir=DIR [--count=N] [--json] [CONNECTOR]",
      .options = {StateDirOption(&dir.path),
                  {.name = "count",
                   .placeholder = "N",
                   .help = "Records of a connector, 1 to 1000; the default is 20.",
                   .text = &count_text},
                  {.name = "json",
                   .placeholder = "",
                   .help = "Prints one JSON array, for programs.",
                   .flag = &as_json}},
      .positional = &connectors,
      .details = kDetails,
  };
  if (const auto status = ParseOrExit(command, argc, argv)) return *status;
  if (dir.path.empty()) return Misuse(command, "--state-dir=DIR is missing");
  int count = 0;
  if (!absl::SimpleAtoi(count_text, &count) || count < 1 || count > kMaxCount) {
    return Misuse(command, absl::StrCat("--count=", count_text, " is no number from 1 to 1000"));
  }
  if (connectors.size() > 1) return Misuse(command, "name one connector, or none for all");

  if (access(dir.Socket("cloud_link").c_str(), F_OK) != 0) {
    return Fail(command, absl::StrCat("no gateway runs on ", dir.path));
  }
  const absl::StatusOr<std::vector<ConnectorLosses>> losses =
      Collect(dir, std::move(connectors), count);
  if (!losses.ok()) return Fail(command, losses.status().message());
  const std::string text = as_json ? absl::StrCat(LossesJson(*losses), "\n") : LossesText(*losses);
  std::fputs(text.c_str(), stdout);
  return kDone;
}

}  // namespace fieldgate::commands
