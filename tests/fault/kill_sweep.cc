// kill_sweep: 10,000 kills and more, until somebody has had enough.
#include <signal.h>
#include <stdlib.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/cli/options.h"
#include "common/status/status.h"
#include "tests/fault/sweep.h"

namespace fieldgate::fault {
namespace {

constexpr int kKillsOfAnEpisode = 100;

std::atomic<bool> stop = false;

struct Arguments {
  int kills = 200;
  uint64_t seed = 1;
  int jobs = 1;
  int episode = 0;  // 0: all
};

class Sweep {
 public:
  explicit Sweep(const Arguments& arguments) : arguments_(arguments), begin_(absl::Now()) {}

  int Run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < arguments_.jobs; ++i) threads.emplace_back([this] { RunEpisodes(); });
    for (std::thread& thread : threads) thread.join();
    const double seconds = absl::ToDoubleSeconds(absl::Now() - begin_);
    std::printf("%s: %s\n", failures_ == 0 ? "PASSED" : "FAILED", Line(seconds).c_str());
    return failures_ == 0 ? 0 : 1;
  }

 private:
  void RunEpisodes() {
    const int episodes = (arguments_.kills + kKillsOfAnEpisode - 1) / kKillsOfAnEpisode;
    for (;;) {
      int episode = next_++;
      if (arguments_.episode != 0) {
        if (episode > 1) return;
        episode = arguments_.episode;
      } else if (episode > episodes) {
        return;
      }
      if (stop) return;
      const int left = arguments_.kills - (episode - 1) * kKillsOfAnEpisode;
      const int kills = left <= 0 ? kKillsOfAnEpisode : std::min(left, kKillsOfAnEpisode);
      Add(episode, RunEpisode(EpisodeSeed(arguments_.seed, episode), kills, stop));
    }
  }

  void Add(int episode, const EpisodeResult& result) {
    const std::lock_guard lock(mutex_);
    ++episodes_;
    total_.kills += result.kills;
    total_.missed_moments += result.missed_moments;
    total_.messages += result.messages;
    total_.redeliveries += result.redeliveries;
    total_.records += result.records;
    total_.requests += result.requests;
    total_.refused += result.refused;
    for (const auto& [victim, count] : result.victims) total_.victims[victim] += count;
    if (!result.problems.empty()) {
      ++failures_;
      std::printf(
          "FAILURE in episode %d:\n  %s\n%s\nReproduce: bazel run "
          "//tests/fault:kill_sweep -- --seed=%llu --episode=%d\n",
          episode, absl::StrJoin(result.problems, "\n  ").c_str(), result.story.c_str(),
          static_cast<unsigned long long>(arguments_.seed), episode);
    }
    std::printf("%s\n", Line(absl::ToDoubleSeconds(absl::Now() - begin_)).c_str());
    std::fflush(stdout);
  }

  std::string Line(double seconds) const {
    std::vector<std::string> victims;
    for (const auto& [victim, count] : total_.victims) {
      victims.push_back(absl::StrCat(victim, " ", count));
    }
    return absl::StrCat(total_.kills, " kills (", absl::StrJoin(victims, ", "), ") of ", episodes_,
                        " gateways in ", static_cast<int64_t>(seconds), " s, ", total_.messages,
                        " messages, ", total_.redeliveries, " came again, ", total_.records,
                        " log records, ", total_.requests, " requests, ", total_.refused,
                        " refused for now, ", total_.missed_moments, " moments missed, ", failures_,
                        " failures");
  }

  const Arguments arguments_;
  const absl::Time begin_;
  std::atomic<int> next_ = 1;
  std::mutex mutex_;  // guards what follows
  int episodes_ = 0;
  int failures_ = 0;
  EpisodeResult total_;
};

int Main(int argc, char** argv) {
  std::string kills = "200", seed = "1", jobs = "1", episode = "0";
  const cli::Command command = {
      .name = "kill_sweep",
      .summary =
          "Kills the gateway's processes at seeded moments under full load and checks that "
          "nothing is lost.",
      .usage = "[--kills=N] [--seed=N] [--jobs=N] [--episode=N]",
      .options = {{.name = "kills", .placeholder = "N", .help = "How many (200).", .text = &kills},
                  {.name = "seed", .placeholder = "N", .help = "Which ones (1).", .text = &seed},
                  {.name = "jobs",
                   .placeholder = "N",
                   .help = "Gateways at the same time (1).",
                   .text = &jobs},
                  {.name = "episode",
                   .placeholder = "N",
                   .help = "Only this gateway of the sweep.",
                   .text = &episode}},
      .details = "A gateway lives for 100 kills. Exit status: 0 nothing was lost; 1 else.",
  };
  const absl::Status parsed = cli::Parse(command, argc, argv);
  if (absl::IsCancelled(parsed)) {
    std::fputs(cli::Help(command).c_str(), stdout);
    return 0;
  }
  Arguments arguments;
  if (!parsed.ok() || !absl::SimpleAtoi(kills, &arguments.kills) ||
      !absl::SimpleAtoi(seed, &arguments.seed) || !absl::SimpleAtoi(jobs, &arguments.jobs) ||
      !absl::SimpleAtoi(episode, &arguments.episode) || arguments.kills < 1 || arguments.jobs < 1) {
    std::fprintf(stderr, "kill_sweep: %s\n",
                 parsed.ok() ? "options are whole numbers" : parsed.ToString().c_str());
    return 2;
  }
  for (const int number : {SIGINT, SIGTERM}) {
    signal(number, [](int) { stop = true; });
  }
  // Children of Mosquitto and others have their files below it.
  std::string dir = "/tmp/kill_sweep.XXXXXX";
  if (mkdtemp(dir.data()) == nullptr) return 1;
  setenv("TEST_TMPDIR", dir.c_str(), 1);
  const int result = Sweep(arguments).Run();
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
  return result;
}

}  // namespace
}  // namespace fieldgate::fault

int main(int argc, char** argv) { return fieldgate::fault::Main(argc, argv); }
