#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/config_store.pb.h"
#include "proto/tixml.pb.h"
#include "services/process_data/process_image.h"
#include "services/process_data/system/system_values.h"

namespace fieldgate::process_data {

// One element of the system tree (manual 5).
struct SystemEntry {
  enum class Kind {
    kValue,
    kBranch,   // an element that may be empty
    kAlias,    // a value under a second path, in no tree
    kProcess,  // a value below /Process, whose tree the process image gives
    kProcessBranch,
  };
  Kind kind = Kind::kValue;
  std::string path;
  // None: the hardware is absent. Empty: it is there, this is not known.
  std::optional<std::string> value = {};
  Sources sources = kFixed;
};

// Everything that the device tells about itself, in the order of the manual's
// example. The paths depend on `device` only. Pure.
std::vector<SystemEntry> SystemEntries(const config_store::v1::Device& device,
                                       const SystemValues& values);

// What must be read to know all that is at and below `path` (normalized; ""
// is everything).
Sources SourcesAt(const std::vector<SystemEntry>& entries, absl::string_view path);

// The tree of `path`, which is /Process or below it: of `readings` (all at or
// below `path`, in the image's order) and of the branches of `entries`, buses
// first. Absent hardware is an empty element, unless `path` is that very value.
// Pure.
tixml::v1::Node BuildProcessTree(absl::string_view path, const std::vector<SystemEntry>& entries,
                                 const std::vector<ProcessImage::Reading>& readings);

// The tree <SYSTEM>. Absent hardware is an empty element; `process` (all at or
// below /Process) is in its place. Pure.
tixml::v1::Node BuildSystemTree(const std::vector<SystemEntry>& entries,
                                const std::vector<ProcessImage::Reading>& process);

}  // namespace fieldgate::process_data
