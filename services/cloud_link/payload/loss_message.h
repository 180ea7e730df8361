#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "proto/config_store.pb.h"
#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::cloud_link {

// What tells the portal of losses, for which the manual has no message: the
// answer that a state request (manual 5) for /Process/CONNECTOR/Losses would
// have, unasked. In the connector's format:
//
//   <gateway_states><Get><Process><CloudConn><Losses count="5" total="12">
//     <Loss number="3" count="5" first_id="1" last_id="5" first_timestamp="..."
//           last_timestamp="..." reason="full: oldest dropped"/>
//
// `count` of Losses is of this message, `total` of all that the connector ever
// lost. What is not known of a loss is left out.
std::string LossBody(const config_store::v1::Connector& connector, absl::string_view response_id,
                     absl::Span<const LossRecord> losses, int64_t total);

}  // namespace fieldgate::cloud_link
