#include "services/process_data/modem/modem_watch.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "common/log/log.h"

namespace fieldgate::process_data {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// How long the destructor waits for a reading.
constexpr auto kLongestGoodbye = std::chrono::milliseconds(200);

// None: the question might as well not have been asked.
std::optional<ModemReport> ToReport(const absl::StatusOr<std::optional<Modem>>& answer) {
  if (absl::IsNotFound(answer.status())) return ModemReport{ModemReport::Kind::kAbsent};
  if (!answer.ok()) return std::nullopt;
  if (!answer->has_value()) return ModemReport{ModemReport::Kind::kAbsent};
  return ModemReport{ModemReport::Kind::kPresent, **answer};
}

}  // namespace

// Shared with the thread, which may outlive the watch.
struct ModemWatch::State {
  State(std::unique_ptr<ModemSource> modem_source, absl::Duration rest)
      : source(std::move(modem_source)), rest_after(rest) {}

  // The thread's.
  const std::unique_ptr<ModemSource> source;
  const absl::Duration rest_after;
  std::string complaint;

  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  bool ended = false;
  bool reading = false;  // wanted, or running
  SteadyTime began_at;
  std::string interface;
  uint64_t readings = 0;  // that have ended
  std::optional<SteadyTime> answered_at;
  ModemReport report;
};

ModemWatch::ModemWatch(std::unique_ptr<ModemSource> source)
    : ModemWatch(std::move(source), Options{}) {}

ModemWatch::ModemWatch(std::unique_ptr<ModemSource> source, Options options)
    : options_(options), state_(std::make_shared<State>(std::move(source), options.rest_after)) {}

ModemWatch::~ModemWatch() {
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
    if (!thread_.joinable()) return;
    if (!state_->changed.wait_for(lock, kLongestGoodbye, [this] { return state_->ended; })) {
      thread_.detach();
      return;
    }
  }
  thread_.join();
}

ModemReport ModemWatch::Read(const std::string& interface) {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  if (!thread_.joinable()) thread_ = std::thread([state = state_] { Run(*state); });
  if (!state.reading) {
    state.reading = true;
    state.began_at = std::chrono::steady_clock::now();
    state.interface = interface;
    state.changed.notify_all();
  }
  const uint64_t before = state.readings;
  state.changed.wait_until(lock, state.began_at + absl::ToChronoNanoseconds(options_.patience),
                           [&] { return state.readings != before; });
  const bool known =
      state.answered_at.has_value() && std::chrono::steady_clock::now() - *state.answered_at <=
                                           absl::ToChronoNanoseconds(options_.keep);
  return known ? state.report : ModemReport{ModemReport::Kind::kUnknown};
}

void ModemWatch::Run(State& state) {
  bool resting = true;  // has nothing to give up
  std::unique_lock lock(state.mutex);
  const auto is_awaited = [&state] { return state.stopping || state.reading; };
  while (!state.stopping) {
    if (resting) {
      state.changed.wait(lock, is_awaited);
    } else if (!state.changed.wait_for(lock, absl::ToChronoNanoseconds(state.rest_after),
                                       is_awaited)) {
      resting = true;
      lock.unlock();
      state.source->Rest();
      lock.lock();
    }
    if (state.stopping || !state.reading) continue;
    resting = false;
    const std::string interface = state.interface;
    lock.unlock();
    const absl::StatusOr<std::optional<Modem>> answer = state.source->Read(interface);
    const std::string complaint = answer.ok() ? "" : std::string(answer.status().message());
    if (complaint != state.complaint && !complaint.empty()) {
      log::Info("nothing is known of a modem", {{"reason", complaint}});
    }
    state.complaint = complaint;
    lock.lock();
    state.reading = false;
    ++state.readings;
    if (std::optional<ModemReport> report = ToReport(answer)) {
      state.report = *std::move(report);
      state.answered_at = std::chrono::steady_clock::now();
    }
    state.changed.notify_all();
  }
  state.source->Rest();
  state.ended = true;
  state.changed.notify_all();
}

}  // namespace fieldgate::process_data
