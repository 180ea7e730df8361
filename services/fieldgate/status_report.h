#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/cloud_link.pb.h"
#include "proto/process_data.pb.h"
#include "proto/service.pb.h"
#include "services/fieldgate/health.h"

namespace fieldgate::commands {

// What could be learned of a gateway.
struct GatewayStatus {
  std::vector<ServiceHealth> services;
  // Absent: the service doesn't answer.
  std::optional<cloud_link::v1::GetStatusResponse> cloud_link;
  std::optional<process_data::v1::GetDeviceStatusResponse> process_data;
  // Of all services that answer.
  std::vector<service::v1::Recovery> recoveries;
};

bool AllUp(const GatewayStatus& status);

// For people.
std::string StatusText(const GatewayStatus& status, absl::Time now);

struct ConnectorLosses {
  std::string connector;
  std::vector<cloud_link::v1::Loss> losses;  // newest first
};

// A line a loss, below its connector.
std::string LossesText(const std::vector<ConnectorLosses>& connectors);
// One JSON array in a line.
std::string LossesJson(const std::vector<ConnectorLosses>& connectors);

// For programs: one JSON object in a line. Keys stay; new ones may come. They
// are listed in services/fieldgate/README.md.
std::string StatusJson(const GatewayStatus& status);

}  // namespace fieldgate::commands
