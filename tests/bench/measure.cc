#include "tests/bench/measure.h"

#include <sys/utsname.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status/status.h"

namespace fieldgate::bench {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The services are one program under several names.
std::string NameOf(pid_t pid, const std::string& otherwise) {
  const std::string arguments = ReadFile(absl::StrCat("/proc/", pid, "/cmdline"));
  const std::string first = arguments.c_str();  // each argument ends with a NUL
  return first.empty() ? otherwise : std::filesystem::path(first).filename().string();
}

absl::Duration Read(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return absl::DurationFromTimespec(t);
}

}  // namespace

double Percentile(std::vector<double> values, double p) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double rank = std::ceil(p * static_cast<double>(values.size()));
  const size_t index = std::min(values.size() - 1, static_cast<size_t>(std::max(rank - 1, 0.0)));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(index), values.end());
  return values[index];
}

double Median(std::vector<double> values) { return Percentile(std::move(values), 0.5); }

absl::StatusOr<Sides> Alternate(int rounds, const Measurement& ours, const Measurement& baseline) {
  std::vector<double> all_ours, all_baseline;
  for (int i = 0; i < rounds; ++i) {
    absl::StatusOr<double> raw = baseline();
    if (!raw.ok()) return Annotate(raw.status(), "baseline");
    absl::StatusOr<double> own = ours();
    if (!own.ok()) return own.status();
    all_baseline.push_back(*raw);
    all_ours.push_back(*own);
  }
  return Sides{Median(std::move(all_ours)), Median(std::move(all_baseline))};
}

absl::StatusOr<absl::Duration> ProcessCpu(pid_t pid) {
  clockid_t clock;
  timespec t{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) {
    return absl::NotFoundError(absl::StrCat("no process ", pid));
  }
  return absl::DurationFromTimespec(t);
}

absl::Duration OwnCpu() { return Read(CLOCK_PROCESS_CPUTIME_ID); }
absl::Duration ThreadCpu() { return Read(CLOCK_THREAD_CPUTIME_ID); }

std::optional<ProcessInfo> ParseStat(absl::string_view line) {
  // "12 (a (b) c) S 1 ...": a name may hold anything, so its end is the last parenthesis.
  const size_t open = line.find(" (");
  const size_t close = line.rfind(") ");
  if (open == absl::string_view::npos || close == absl::string_view::npos || close < open) {
    return std::nullopt;
  }
  ProcessInfo info;
  info.name = std::string(line.substr(open + 2, close - open - 2));
  const std::vector<absl::string_view> rest = absl::StrSplit(line.substr(close + 2), ' ');
  if (!absl::SimpleAtoi(line.substr(0, open), &info.pid) || rest.size() < 2 ||
      !absl::SimpleAtoi(rest[1], &info.parent)) {
    return std::nullopt;
  }
  return info;
}

std::vector<ProcessInfo> TreeOf(const std::vector<ProcessInfo>& all, pid_t root) {
  std::vector<ProcessInfo> tree;
  for (const ProcessInfo& process : all) {
    if (process.pid == root) tree.push_back(process);
  }
  // Grows while its children are added behind it.
  for (size_t i = 0; i < tree.size(); ++i) {
    for (const ProcessInfo& process : all) {
      if (process.parent == tree[i].pid && process.pid != process.parent) tree.push_back(process);
    }
  }
  return tree;
}

std::vector<ProcessInfo> ProcessTree(pid_t root) {
  std::vector<ProcessInfo> all;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (!absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) continue;
    if (std::optional<ProcessInfo> info = ParseStat(ReadFile(entry.path() / "stat"))) {
      all.push_back(*std::move(info));
    }
  }
  std::vector<ProcessInfo> tree = TreeOf(all, root);
  for (ProcessInfo& process : tree) process.name = NameOf(process.pid, process.name);
  return tree;
}

absl::Duration TreeCpu(pid_t root) {
  absl::Duration sum;
  for (const ProcessInfo& process : ProcessTree(root)) {
    sum += ProcessCpu(process.pid).value_or(absl::ZeroDuration());
  }
  return sum;
}

std::optional<int64_t> ParsePss(absl::string_view smaps_rollup) {
  for (absl::string_view line : absl::StrSplit(smaps_rollup, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int64_t kib = 0;
    if (words.size() == 3 && words[0] == "Pss:" && absl::SimpleAtoi(words[1], &kib)) {
      return kib * 1024;
    }
  }
  return std::nullopt;
}

absl::StatusOr<int64_t> PssOf(pid_t pid) {
  const std::string path = absl::StrCat("/proc/", pid, "/smaps_rollup");
  const std::optional<int64_t> pss = ParsePss(ReadFile(path));
  if (!pss) return absl::NotFoundError(absl::StrCat("no Pss in ", path));
  return *pss;
}

std::optional<int64_t> ParseWritten(absl::string_view io) {
  for (absl::string_view line : absl::StrSplit(io, '\n')) {
    int64_t bytes = 0;
    if (absl::ConsumePrefix(&line, "write_bytes: ") && absl::SimpleAtoi(line, &bytes)) return bytes;
  }
  return std::nullopt;
}

absl::StatusOr<int64_t> WrittenBy(pid_t pid) {
  const std::string path = absl::StrCat("/proc/", pid, "/io");
  const std::optional<int64_t> written = ParseWritten(ReadFile(path));
  if (!written) return absl::NotFoundError(absl::StrCat("no write_bytes in ", path));
  return *written;
}

std::string MachineFacts() {
  utsname name{};
  uname(&name);
  double load = 0;
  getloadavg(&load, 1);
  return absl::StrCat(std::thread::hardware_concurrency(), " cores, ", name.sysname, " ",
                      name.release, " ", name.machine, ", load ", load);
}

}  // namespace fieldgate::bench
