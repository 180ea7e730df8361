#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/tixml.pb.h"
#include "services/process_data/process_image.h"

namespace fieldgate::process_data {

// Builds the tree of an element `root` with the path `path`, which must
// outlive it: an element a level, named after it, in the order of adding.
class TreeBuilder {
 public:
  TreeBuilder(absl::string_view path, tixml::v1::Node& root) { nodes_[std::string(path)] = &root; }

  // The element of `path`, which is at or below the root's.
  tixml::v1::Node& At(absl::string_view path);
  // Gives it a value: a text in the attribute "_".
  void Put(absl::string_view path, absl::string_view text);

 private:
  std::unordered_map<std::string, tixml::v1::Node*> nodes_;
};

// The tree of `readings`, all at or below `path`, in their order. The
// result is the element of `path`.
tixml::v1::Node BuildTree(absl::string_view path,
                          const std::vector<ProcessImage::Reading>& readings);

}  // namespace fieldgate::process_data
