#pragma once

#include <memory>

#include "common/time/clock.h"
#include "services/process_data/logging/data_logs.h"
#include "services/process_data/process_control.h"
#include "services/process_data/process_image.h"
#include "services/process_data/system/system_tree.h"

namespace grpc {
class Service;
}

namespace fieldgate::process_data {

// The gRPC face (proto ProcessData): translates, decides nothing. The
// arguments must outlive it. Streams end soon after their call is cancelled.
// Without `system` there is nothing but the process; without `logs` the calls of
// logs are UNIMPLEMENTED.
std::unique_ptr<grpc::Service> MakeProcessDataService(ProcessImage& image, ProcessControl& control,
                                                      const Clock& clock,
                                                      SystemTree* system = nullptr,
                                                      DataLogs* logs = nullptr);

}  // namespace fieldgate::process_data
