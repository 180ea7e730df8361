#pragma once

#include <cstddef>
#include <string>

#include "absl/time/time.h"
#include "proto/config_store.pb.h"
#include "services/process_data/sample.h"

namespace fieldgate::process_data {

// The value of the simulated point with this index in its device, `since` an
// arbitrary start: always the same for the same arguments. By type:
//  bool            a square wave, each value for 2 to 8 s
//  integers        a ramp of 0 to 99, a step a second, scaled as the point says
//  floats          a sine of 20 +- 5 with a period of 20 to 80 s, two decimals
//  string          "text 0" to "text 9", ten seconds each
// Neighbouring points differ in phase and period. A point that the registers
// of a real device could not hold is not valid.
Sample Waveform(const config_store::v1::BusPoint& point, size_t index, absl::Duration since,
                std::string& text);

}  // namespace fieldgate::process_data
