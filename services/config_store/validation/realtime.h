#pragma once

#include "proto/config_store.pb.h"
#include "services/config_store/validation/fields.h"
#include "services/config_store/validation/origins.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// Reads the realtime sections of a connector (manual 7, 7.1 to 7.3) from its
// settings into `connector.sections`; `connector.virtual_devices` must be set.
// `unknown_paths` takes the warnings about paths that `origins` doesn't know:
// they change with PROCCFG.
void ReadRealtimeSections(Fields& settings, const Origins& origins, v1::Connector& connector,
                          Problems& problems, Problems& unknown_paths);

// The name of the controller that a path belongs to (manual Tables 2-1, 2-2);
// for a gps point its first level.
std::string ControllerOf(absl::string_view path, bool gps);

}  // namespace fieldgate::config_store
