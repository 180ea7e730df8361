#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "services/process_data/modem/modem.h"
#include "services/process_data/modem/modem_source.h"

namespace fieldgate::process_data {

// Asks a ModemSource on a thread of its own, which begins with the first Read,
// so that nobody waits for it longer than he wants to. At most one reading
// runs; the source rests when nobody has asked for a while. Thread-safe.
class ModemWatch {
 public:
  struct Options {
    // Of a Read, counted from the beginning of the reading: when it hangs, the
    // first of all who ask waits that long and the others don't wait.
    absl::Duration patience = absl::Milliseconds(500);
    // How long an answer is good while no newer one comes.
    absl::Duration keep = absl::Minutes(1);
    absl::Duration rest_after = absl::Seconds(30);
  };

  explicit ModemWatch(std::unique_ptr<ModemSource> source);
  ModemWatch(std::unique_ptr<ModemSource> source, Options options);
  // A reading that hangs is left to itself: its thread ends when it does.
  ~ModemWatch();

  // Has the source asked, and returns what it answers; after `patience`, what
  // it last answered. `interface` as in ModemSource::Read.
  ModemReport Read(const std::string& interface);

 private:
  struct State;
  static void Run(State& state);

  const Options options_;
  const std::shared_ptr<State> state_;
  std::thread thread_;  // from the first Read on, with the state's mutex held
};

}  // namespace fieldgate::process_data
