#include "services/fieldgate/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/tixml/limits.h"

namespace fieldgate::commands {
namespace {

absl::Status Failed(const std::string& name) {
  const int error = errno;
  const std::string message = absl::StrCat("can't read ", name, ": ", strerror(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EACCES) return absl::PermissionDeniedError(message);
  return absl::UnavailableError(message);
}

}  // namespace

absl::StatusOr<std::string> ReadCommands(const std::string& path) {
  const bool is_stdin = path == "-";
  const std::string name = is_stdin ? "stdin" : path;
  const int fd = is_stdin ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failed(name);
  std::string text;
  char block[16384];
  ssize_t size;
  while (text.size() <= tixml::kMaxBytes && (size = read(fd, block, sizeof block)) != 0) {
    if (size > 0) {
      text.append(block, static_cast<size_t>(size));
    } else if (errno != EINTR) {
      const absl::Status failed = Failed(name);
      if (!is_stdin) close(fd);
      return failed;
    }
  }
  if (!is_stdin) close(fd);
  if (text.size() > tixml::kMaxBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        name, " is larger than the ", tixml::kMaxBytes / 1024, " KiB that a message may have"));
  }
  return text;
}

}  // namespace fieldgate::commands
