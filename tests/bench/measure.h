#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// What is measured of processes, and how noise is kept out.
namespace fieldgate::bench {

// The value below which the share `p` (0..1) of `values` lies, nearest rank;
// NaN of nothing.
double Percentile(std::vector<double> values, double p);
double Median(std::vector<double> values);

// Measures both sides in turn, `rounds` times, and takes the median of each:
// what else the machine does meanwhile hits both.
struct Sides {
  double ours = 0;
  double baseline = 0;
};
using Measurement = std::function<absl::StatusOr<double>()>;
absl::StatusOr<Sides> Alternate(int rounds, const Measurement& ours, const Measurement& baseline);

// CPU time, user and system, of all threads: of another process (kNotFound:
// there is none), of this one, of the calling thread.
absl::StatusOr<absl::Duration> ProcessCpu(pid_t pid);
absl::Duration OwnCpu();
absl::Duration ThreadCpu();

struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  std::string name;  // of a line of stat: at most 15 characters
};

// One line of /proc/PID/stat; none if it isn't one.
std::optional<ProcessInfo> ParseStat(absl::string_view line);
// `root` and everything that descends from it, root first.
std::vector<ProcessInfo> TreeOf(const std::vector<ProcessInfo>& all, pid_t root);
// The same of the processes that run now, named as they were started (argv[0]).
std::vector<ProcessInfo> ProcessTree(pid_t root);

// CPU time of the tree; of processes that run now.
absl::Duration TreeCpu(pid_t root);

// Proportional set size in bytes out of the text of /proc/PID/smaps_rollup.
std::optional<int64_t> ParsePss(absl::string_view smaps_rollup);
// kNotFound: no such process, or it is not ours to look at.
absl::StatusOr<int64_t> PssOf(pid_t pid);

// Bytes that a process has caused to be written to disks so far, by the pages
// that it dirtied; what the file system adds for itself is not known. Of the
// text of /proc/PID/io; kNotFound as PssOf.
std::optional<int64_t> ParseWritten(absl::string_view io);
absl::StatusOr<int64_t> WrittenBy(pid_t pid);

// "2 cores, Linux 6.1.0 x86_64, load 0.5"
std::string MachineFacts();

}  // namespace fieldgate::bench
