#pragma once

#include "common/tixml/node.h"
#include "proto/config_store.pb.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// Reads the PROCCFG database (nullptr: there is none): External with its buses,
// devices and points, and ProcessVars, defaults filled in (PROTOCOL 5). What
// has errors is left out.
v1::Acquisition ReadAcquisition(const tixml::Node* proccfg, Problems& problems);

}  // namespace fieldgate::config_store
