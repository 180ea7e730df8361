#pragma once

#include "common/tixml/node.h"
#include "google/protobuf/repeated_field.h"
#include "proto/config_store.pb.h"
#include "services/config_store/validation/origins.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// Reads the LOG database (nullptr: there is none): what is recorded, and when
// (manual 1, "Log data"), defaults filled in. An empty element is no log. Logs
// with errors are left out.
//
// `unknown_paths` takes the warnings about data points whose path `origins`
// doesn't know: they change with PROCCFG.
google::protobuf::RepeatedPtrField<v1::Log> ReadLogs(const tixml::Node* log, const Origins& origins,
                                                     Problems& problems, Problems& unknown_paths);

}  // namespace fieldgate::config_store
