#pragma once

#include "proto/process_data.pb.h"
#include "services/process_data/subscription.h"

namespace fieldgate::process_data {

// Moves what can be moved, so that `batch` must be refilled.
void ToProto(Batch& batch, v1::ValueBatch& message);

}  // namespace fieldgate::process_data
