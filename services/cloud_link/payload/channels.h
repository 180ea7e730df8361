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

// The data points of a connector in the order of their channels.
std::vector<const config_store::v1::DataPoint*> PointsOf(
    const config_store::v1::Connector& connector);

// Channel numbers of a connector: the paths of all data points of all realtime
// sections, in configuration order; a gps point takes two. A connector
// subscribes to exactly these, so a channel is also the index of the stream's
// dictionary.
struct ChannelPlan {
  struct Section {
    int number = 0;  // 1..5
    uint32_t first = 0;
    uint32_t count = 0;
  };
  std::vector<std::string> paths;
  // Origin of each channel as configured (proto DataPoint.Origin); gps: OTHER.
  std::vector<config_store::v1::DataPoint::Origin> origins;
  // Per channel; 0: each change.
  std::vector<double> hysteresis;
  // Per channel: the other channel of the same gps point, or itself.
  std::vector<uint32_t> partner;
  std::vector<Section> sections;

  static ChannelPlan Of(const config_store::v1::Connector& connector);
};

}  // namespace fieldgate::cloud_link
