#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

// The kill sweep: SIGKILL at seeded moments, with a checker at the broker.
namespace fieldgate::fault {

// What one gateway went through.
struct EpisodeResult {
  int kills = 0;
  std::map<std::string, int> victims;
  int missed_moments = 0;  // the moment of a kill did not come in time
  int64_t messages = 0;
  int64_t redeliveries = 0;
  int64_t records = 0;  // of logs
  int64_t requests = 0;
  int64_t refused = 0;  // of them, for now (409)
  // Empty: every promise held.
  std::vector<std::string> problems;
  // With problems: the last kills, and what the processes said.
  std::string story;
};

// The seed of an episode of a sweep.
uint64_t EpisodeSeed(uint64_t sweep_seed, int episode);

// Runs a gateway through `kills` kills (a check counts as one of them) and
// checks it in between and at the end. `stop` ends it early.
EpisodeResult RunEpisode(uint64_t seed, int kills, const std::atomic<bool>& stop);

}  // namespace fieldgate::fault
