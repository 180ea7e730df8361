#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "proto/config_store.pb.h"

namespace fieldgate::config_store {

// Which paths the configured buses and process variables give, and with which
// sensor_state (manual Table 2-5).
class Origins {
 public:
  explicit Origins(const v1::Acquisition& acquisition);

  // UNKNOWN: neither a bus point nor a process variable nor below one of the
  // system's own branches of /Process, nor one of the values that the device
  // has outside of it.
  v1::DataPoint::Origin Find(absl::string_view path) const;

 private:
  absl::flat_hash_map<std::string, v1::DataPoint::Origin> paths_;
};

}  // namespace fieldgate::config_store
