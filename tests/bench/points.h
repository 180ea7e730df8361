#pragma once

#include <cstdint>
#include <vector>

#include "proto/config_store.pb.h"
#include "services/cloud_link/payload/channels.h"

// The 1,000 numeric points of one bus device that all figures are about.
namespace fieldgate::bench {

inline constexpr uint32_t kPoints = 1000;

// A connector whose one realtime section has them, in the given format.
config_store::v1::Connector MakeConnector(config_store::v1::PayloadFormat format);

// Register values as they come from the field: half of them whole numbers, half
// with a decimal scale. Another `seed` gives other values.
std::vector<cloud_link::Sample> MakeSamples(uint64_t seed);

}  // namespace fieldgate::bench
