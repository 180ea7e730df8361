#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/config_store.pb.h"

namespace fieldgate::cloud_link {

// The sensors of a connector as its portal knows them, by controller, in
// configuration order, those of log sections last: what gatewayInit announces
// (manual 2.2.1) and data messages fill (2.3). A path that is configured twice,
// be it for a log, is one sensor.
struct DataModel {
  struct Sensor {
    std::string id;  // as on the wire: an XML name, or raw in JSON
    const config_store::v1::DataPoint* point = nullptr;
    // A gps value: its state is always 2 (7.1).
    bool gps = false;
    // Both gps values in one element (2.3.2).
    bool gps_pair = false;
    // Where its value comes from; two sensors of one id are one when equal.
    std::string source;
  };
  struct Controller {
    std::string id;      // as on the wire
    std::string raw_id;  // Process_Bus1_Device0
    std::vector<Sensor> sensors;
  };
  // What a channel of ChannelPlan is.
  struct Place {
    uint32_t controller = 0;
    uint32_t sensor = 0;
    bool second = false;  // the second value of a gps_pair
  };

  std::vector<Controller> controllers;
  std::vector<Place> channels;
  // kInvalidArgument: two different data points would be the same sensor; the
  // message names both. The model then holds the first.
  absl::Status conflict;

  // `connector` must outlive it.
  static DataModel Of(const config_store::v1::Connector& connector);
};

// meta_type of a data point; "custom" if it has none.
absl::string_view TypeOf(const config_store::v1::DataPoint& point);

}  // namespace fieldgate::cloud_link
