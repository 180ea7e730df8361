#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/value/value.h"
#include "proto/config_store.pb.h"

namespace fieldgate::cloud_link {

// The newest known value of one channel.
struct Sample {
  Value value;
  // sensor_state of Table 2-5: 0 invalid, 1 valid, 2 has no state.
  uint8_t state = 0;
  // Unix time in microseconds; 0 if never sampled.
  int64_t sampled_at_us = 0;
};

// The data points of a connector in the order of their channels: those of the
// realtime sections, then those of the log sections.
std::vector<const config_store::v1::DataPoint*> PointsOf(
    const config_store::v1::Connector& connector);

// Channel numbers of a connector, in configuration order; a gps point takes two.
// First the data points of the realtime sections: a connector subscribes to
// exactly their paths, so such a channel is also the index of the stream's
// dictionary. Behind them those of the log sections, which are never streamed.
struct ChannelPlan {
  struct Section {
    int number = 0;  // 1..5
    uint32_t first = 0;
    uint32_t count = 0;
  };
  // Of the channels of realtime sections: path, origin as configured (gps:
  // OTHER), hysteresis (0: each change).
  std::vector<std::string> paths;
  std::vector<config_store::v1::DataPoint::Origin> origins;
  std::vector<double> hysteresis;
  // Of the channels of log sections, from paths.size() on.
  std::vector<std::string> log_paths;
  // Of all channels: the other channel of the same gps point, or itself.
  std::vector<uint32_t> partner;
  std::vector<Section> sections;
  std::vector<Section> log_sections;

  static ChannelPlan Of(const config_store::v1::Connector& connector);
};

}  // namespace fieldgate::cloud_link
