#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace fieldgate::cloud_link {

// The name of a topic as MQTT 3.1.1 allows it in a PUBLISH: 1 to 65,535 bytes
// of UTF-8, no NUL, no '+' and no '#'. Checked in both directions: with a bad
// one Paho reconnects for ever, and brokers have been seen to deliver them.
//
// kInvalidArgument: says what is wrong.
absl::Status CheckTopicName(absl::string_view topic);

// The same for a SUBSCRIBE, where '+' and '#' are allowed.
absl::Status CheckTopicFilter(absl::string_view filter);

}  // namespace fieldgate::cloud_link
