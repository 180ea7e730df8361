#include "services/fieldgate/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace fieldgate::commands {
namespace {

constexpr absl::Duration kRetry = absl::Milliseconds(50);

struct Holder {
  pid_t pid = 0;  // 0: unreadable
  std::string since;
};

Holder ReadHolder(int fd) {
  char text[128];
  const ssize_t size = pread(fd, text, sizeof text, 0);
  const std::vector<std::string> words = absl::StrSplit(
      absl::string_view(text, size > 0 ? static_cast<size_t>(size) : 0), absl::ByAnyChar(" \n"));
  Holder holder;
  if (words.size() >= 2 && absl::SimpleAtoi(words[0], &holder.pid)) holder.since = words[1];
  return holder;
}

bool IsAlive(pid_t pid) { return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH); }

}  // namespace

absl::StatusOr<RunLock> RunLock::Take(const service::StateDir& dir, absl::Time now,
                                      absl::Duration patience) {
  const std::string path = dir.File("run/fieldgate.lock");
  // No O_CLOEXEC: see above.
  const int fd = open(path.c_str(), O_RDWR | O_CREAT, 0600);
  if (fd < 0) return absl::UnavailableError(absl::StrCat("open ", path, ": ", strerror(errno)));
  RunLock lock(fd);
  absl::Duration waited;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return absl::UnavailableError(absl::StrCat("lock ", path, ": ", strerror(errno)));
    }
    const Holder holder = ReadHolder(fd);
    if (IsAlive(holder.pid)) {
      return absl::AlreadyExistsError(absl::StrCat("already running as pid ", holder.pid, " on ",
                                                   dir.path, " since ", holder.since));
    }
    if (waited >= patience) {
      return absl::AlreadyExistsError(absl::StrCat("services that pid ", holder.pid, " started on ",
                                                   dir.path, " are still running; end them first"));
    }
    absl::SleepFor(kRetry);
    waited += kRetry;
  }
  const std::string content = absl::StrCat(
      getpid(), " ", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone()), "\n");
  if (ftruncate(fd, 0) != 0 ||
      pwrite(fd, content.data(), content.size(), 0) != static_cast<ssize_t>(content.size())) {
    return absl::UnavailableError(absl::StrCat("write ", path, ": ", strerror(errno)));
  }
  return lock;
}

RunLock::~RunLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace fieldgate::commands
