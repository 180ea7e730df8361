#pragma once

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/time/clock.h"
#include "common/value/value.h"
#include "gtest/gtest.h"
#include "proto/config_store.pb.h"
#include "proto/process_data.pb.h"
#include "services/cloud_link/events/event_engine.h"

namespace fieldgate::cloud_link {

using config_store::v1::EventState;

inline constexpr char kPath[] = "/Process/Bus1/Meter/Temp";
inline constexpr uint8_t kInvalid = 0;
inline constexpr uint8_t kValid = 1;
inline constexpr uint8_t kNoState = 2;  // process variables and the like

// A state with handler "H"; further settings are the caller's.
inline EventState MakeState(EventState::Condition condition, const std::string& value = "",
                            const std::string& name = "S", const std::string& path = kPath) {
  EventState state;
  state.set_name(name);
  state.set_path(path);
  state.set_condition(condition);
  state.set_value(value);
  state.set_handler("H");
  return state;
}

// One value a point, sampled now; none at all when `sampled` is false.
inline process_data::v1::ValueBatch MakeBatch(const std::vector<Value>& values, uint8_t state,
                                              uint32_t first = 0, bool sampled = true) {
  process_data::v1::ValueBatch batch;
  auto& run = *batch.add_runs();
  run.set_first(first);
  run.set_count(static_cast<uint32_t>(values.size()));
  run.set_sampled_at_us(sampled ? 1 : 0);
  for (const Value& value : values) {
    uint64_t bits = 0;
    auto kind = process_data::v1::NONE;
    if (const auto* d = std::get_if<double>(&value)) {
      kind = process_data::v1::FLOAT;
      memcpy(&bits, d, sizeof bits);
    } else if (const auto* i = std::get_if<int64_t>(&value)) {
      kind = process_data::v1::INT;
      bits = static_cast<uint64_t>(*i);
    } else if (const auto* b = std::get_if<bool>(&value)) {
      kind = process_data::v1::BOOL;
      bits = *b ? 1 : 0;
    } else if (const auto* s = std::get_if<std::string>(&value)) {
      kind = process_data::v1::TEXT;
      bits = static_cast<uint64_t>(batch.texts_size());
      batch.add_texts(*s);
    }
    batch.mutable_kinds()->push_back(static_cast<char>(kind));
    batch.mutable_states()->push_back(static_cast<char>(state));
    batch.add_bits(bits);
  }
  return batch;
}

// An engine in fake time with states over one point or several.
class EngineTest : public testing::Test {
 protected:
  Now now() const { return {clock_.Now(), clock_.WallNow()}; }

  void Configure(const std::vector<EventState>& states) {
    config_store::v1::Events events;
    for (const EventState& state : states) *events.add_states() = state;
    engine_.Configure(events, now());
  }

  // The first path's value; or that of another channel.
  void Give(const Value& value, uint8_t state = kValid, uint32_t channel = 0) {
    EXPECT_TRUE(engine_.OnBatch(MakeBatch({value}, state, channel), now()));
  }
  void GiveNothing() {
    EXPECT_TRUE(engine_.OnBatch(MakeBatch({Value()}, kInvalid, 0, false), now()));
  }

  // What is due now: "H", "E end".
  std::vector<std::string> Due() {
    std::vector<std::string> due;
    for (const DueHandler& handler : engine_.TakeDue(now())) {
      due.push_back(absl::StrCat(handler.handler, handler.ended ? " end" : ""));
    }
    return due;
  }
  std::vector<std::string> DueWith(const Value& value, uint8_t state = kValid) {
    Give(value, state);
    return Due();
  }
  std::vector<std::string> DueAfter(absl::Duration time) {
    clock_.Advance(time);
    return Due();
  }

  // The process is killed: a new engine with what was stored.
  void Restart() {
    std::map<std::string, EventMemory> memories;
    for (const EventEngine::Activity& activity : engine_.Activities()) {
      memories[activity.name] = *engine_.Memory(activity.name);
    }
    engine_ = EventEngine(std::move(memories));
  }

  FakeClock clock_;
  EventEngine engine_;
};

}  // namespace fieldgate::cloud_link
