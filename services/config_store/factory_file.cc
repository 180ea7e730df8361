#include "services/config_store/factory_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"

namespace fieldgate::config_store {

absl::StatusOr<std::vector<tixml::Node>> ReadFactoryFile(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file && errno == ENOENT) return std::vector<tixml::Node>();
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || file.bad()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " can't be read: ", std::strerror(errno)));
  }
  absl::StatusOr<tixml::Document> document = tixml::Parse(text.str());
  if (!document.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": ", document.status().message()));
  }
  return std::move(document->nodes);
}

}  // namespace fieldgate::config_store
