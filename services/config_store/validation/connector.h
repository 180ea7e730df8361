#pragma once

#include <vector>

#include "common/tixml/node.h"
#include "google/protobuf/repeated_field.h"
#include "proto/config_store.pb.h"
#include "services/config_store/validation/origins.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// Reads CloudConn, CloudConn2 and CloudConn3 of the ISP database (nullptr:
// there is none), defaults filled in (manual 7, PROTOCOL 5). An empty element
// is no connector. Connectors with errors are left out.
//
// `unknown_paths` takes the warnings about data points whose path `origins`
// doesn't know; `log_problems` takes what is wrong with the logs that they send.
std::vector<v1::Connector> ReadConnectors(const tixml::Node* isp, const v1::Device& device,
                                          const Origins& origins,
                                          const google::protobuf::RepeatedPtrField<v1::Log>& logs,
                                          Problems& problems, Problems& unknown_paths,
                                          Problems& log_problems);

}  // namespace fieldgate::config_store
