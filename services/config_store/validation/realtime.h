#pragma once

#include "proto/config_store.pb.h"
#include "services/config_store/validation/data_points.h"
#include "services/config_store/validation/fields.h"
#include "services/config_store/validation/origins.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// Reads the realtime sections of a connector (manual 7, 7.1 to 7.3) from its
// settings into `connector.sections`; `connector.virtual_devices` must be set.
// `sensors` takes what they are sent as.
// `unknown_paths` takes the warnings about paths that `origins` doesn't know:
// they change with PROCCFG.
void ReadRealtimeSections(Fields& settings, const Origins& origins, v1::Connector& connector,
                          Sensors& sensors, Problems& problems, Problems& unknown_paths);

}  // namespace fieldgate::config_store
