#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/cloud_link/clients/config_client.h"
#include "services/cloud_link/clients/process_client.h"
#include "tests/simulation/processes.h"

// cloud_link's ways to the other services, as its gRPC clients behave: calls that
// take time, end when the other side dies, and streams that come back.
namespace fieldgate::simulation {

std::unique_ptr<cloud_link::ConfigClient> MakeConfigClient(Process& process, Surroundings& around);
std::unique_ptr<cloud_link::ProcessPort> MakeProcessPort(Process& process, Surroundings& around);
std::unique_ptr<cloud_link::ValueReporter> MakeReporter(Process& process, Surroundings& around);
std::unique_ptr<cloud_link::ValueStream> MakeValueStream(
    Process& process, Surroundings& around, const std::vector<std::string>& paths,
    std::function<void(std::unique_ptr<process_data::v1::ValueBatch>)> on_batch,
    std::function<void()> on_lost);

}  // namespace fieldgate::simulation
