#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/process_data.pb.h"
#include "services/cloud_link/command/ports.h"

namespace fieldgate::cloud_link {

// process_data's values, Set and logs, over gRPC at `socket`. Thread-safe; a Set of a
// bus point blocks until the device has answered.
std::unique_ptr<ProcessPort> MakeGrpcProcessPort(const std::string& socket);

// A subscription that lives as long as this object, across restarts of
// process_data.
class ValueStream {
 public:
  virtual ~ValueStream() = default;
  // The receiver is done with one batch. At most two are under way: then the
  // stream waits, and process_data keeps only the last value of each point.
  virtual void Consumed() = 0;
};
// Callbacks come on a thread of its own; `on_lost` when the stream ended after
// it had delivered something.
std::unique_ptr<ValueStream> SubscribeValues(
    const std::string& socket, const std::vector<std::string>& paths,
    std::function<void(std::unique_ptr<process_data::v1::ValueBatch>)> on_batch,
    std::function<void()> on_lost);

// Shows values of ours in the process image for as long as it lives, again
// after each restart of process_data.
class ValueReporter {
 public:
  virtual ~ValueReporter() = default;
  // Replaces what is shown: path and value, in this order. Thread-safe,
  // doesn't block; only the last state is sent, and again within two seconds
  // of process_data's return.
  virtual void Show(std::vector<std::pair<std::string, std::string>> values) = 0;
};
std::unique_ptr<ValueReporter> MakeValueReporter(const std::string& socket);

}  // namespace fieldgate::cloud_link
