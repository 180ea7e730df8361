#pragma once

#include <memory>

#include "common/time/clock.h"
#include "services/process_data/process_control.h"
#include "services/process_data/process_image.h"

namespace grpc {
class Service;
}

namespace fieldgate::process_data {

// The gRPC face (proto ProcessData): translates, decides nothing. The
// arguments must outlive it. Streams end soon after their call is cancelled.
std::unique_ptr<grpc::Service> MakeProcessDataService(ProcessImage& image, ProcessControl& control,
                                                      const Clock& clock);

}  // namespace fieldgate::process_data
