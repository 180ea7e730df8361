#pragma once

#include "google/protobuf/repeated_field.h"
#include "proto/config_store.pb.h"
#include "services/config_store/validation/data_points.h"
#include "services/config_store/validation/fields.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// Reads which logs a connector sends (LogN, LogSendTimeN) from its settings into
// `connector.log_sections`, with the points of `logs`. `connector.virtual_devices`
// must be set; `sensors` has what its realtime sections are sent as. A section
// whose log does not exist is left out, with a warning: LOG may come later.
//
// `log_problems` takes what depends on the logs: it changes with LOG.
void ReadLogSections(Fields& settings, const google::protobuf::RepeatedPtrField<v1::Log>& logs,
                     v1::Connector& connector, Sensors& sensors, Problems& problems,
                     Problems& log_problems);

}  // namespace fieldgate::config_store
