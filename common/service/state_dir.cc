#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/service/service.h"

namespace fieldgate::service {
namespace {

constexpr mode_t kOwnerOnly = 0700;
constexpr mode_t kOthers = 0077;

absl::Status Failed(absl::string_view what, const std::string& path) {
  const int error = errno;
  const std::string message = absl::StrCat(what, " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    default:
      return absl::UnavailableError(message);
  }
}

// Makes the directory unless it is there; it must be ours.
absl::Status Make(const std::string& path, struct stat& info) {
  if (mkdir(path.c_str(), kOwnerOnly) != 0 && errno != EEXIST) {
    return Failed("can't make the directory", path);
  }
  if (stat(path.c_str(), &info) != 0) return Failed("can't use", path);
  if (!S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a directory"));
  }
  if (info.st_uid != geteuid()) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, " belongs to user ", info.st_uid, ", not to ", geteuid()));
  }
  return absl::OkStatus();
}

// Closes DIR to others. Not when it holds something else: a slip like
// --state-dir=/etc must not lock a machine up.
absl::Status Close(const StateDir& dir) {
  std::error_code error;
  if (!std::filesystem::is_empty(dir.path, error) &&
      !std::filesystem::is_directory(dir.File("run"), error)) {
    return absl::FailedPreconditionError(
        absl::StrCat(dir.path,
                     " is open to other users and holds other things than a gateway's "
                     "state; choose an empty directory, or chmod 700 this one"));
  }
  if (chmod(dir.path.c_str(), kOwnerOnly) != 0) return Failed("chmod 700", dir.path);
  return absl::OkStatus();
}

}  // namespace

std::string StateDir::Socket(absl::string_view service) const {
  return absl::StrCat(path, "/run/", service, ".sock");
}

std::string StateDir::File(absl::string_view name) const { return absl::StrCat(path, "/", name); }

std::string StateDir::Certs() const { return File("certs"); }

absl::Status Prepare(const StateDir& dir) {
  struct stat info;
  if (absl::Status made = Make(dir.path, info); !made.ok()) return made;
  if ((info.st_mode & kOthers) != 0) {
    if (absl::Status closed = Close(dir); !closed.ok()) return closed;
  }
  for (const std::string& path : {dir.File("run"), dir.Certs()}) {
    if (absl::Status made = Make(path, info); !made.ok()) return made;
  }
  return absl::OkStatus();
}

}  // namespace fieldgate::service
