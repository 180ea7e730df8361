#include "tests/fault/writer.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"

namespace fieldgate::fault {
namespace {

// Those that the tests of upgrades have.
std::vector<std::string> FormerVersions(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    const std::string path = file.path().string();
    if (absl::EndsWith(path, ".sql")) files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

WriterKind Kind(const std::string& name, const std::string& file,
                std::unique_ptr<Writer> (*make)(std::string path),
                const std::string& former_versions) {
  const std::string path = "/state/" + file;
  return {name, path, [make, path] { return make(path); }, FormerVersions(former_versions)};
}

}  // namespace

const std::vector<WriterKind>& WriterKinds() {
  static const auto& kinds = *new std::vector<WriterKind>{
      Kind("cloud_link", "cloud_link.db", MakeCloudLinkWriter,
           "services/cloud_link/outbox/testdata"),
      Kind("config_store", "config.db", MakeConfigWriter, "services/config_store/testdata"),
      Kind("logs", "logs.db", MakeLogsWriter, "services/process_data/logging/testdata"),
      Kind("variables", "process.db", MakeVariablesWriter, "services/process_data/testdata"),
  };
  return kinds;
}

}  // namespace fieldgate::fault
