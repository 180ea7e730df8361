#pragma once

#include "common/tixml/node.h"
#include "proto/config_store.pb.h"
#include "services/config_store/validation/origins.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// Reads the EVENTS database (nullptr: there is none): EventHandler with its
// named lists of commands, EventStates with its conditions. An empty element is
// no handler and no state. What has errors is left out; handlers that would
// call each other for ever, or too many, are errors.
//
// `unknown_paths` takes the warnings about paths that `origins` doesn't know:
// they change with PROCCFG.
v1::Events ReadEvents(const tixml::Node* events, const Origins& origins, Problems& problems,
                      Problems& unknown_paths);

}  // namespace fieldgate::config_store
