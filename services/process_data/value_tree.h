#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/tixml.pb.h"
#include "services/process_data/process_image.h"

namespace fieldgate::process_data {

// The tree of `readings`, all at or below `path`, in their order: an element a
// level, named after it; a value is an element with its text in the attribute
// "_". The result is the element of `path`.
tixml::v1::Node BuildTree(absl::string_view path,
                          const std::vector<ProcessImage::Reading>& readings);

}  // namespace fieldgate::process_data
