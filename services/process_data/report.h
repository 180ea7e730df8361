#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/process_data/point_group.h"

namespace fieldgate::process_data {

class ProcessImage;

// The values that one call of another service reports. When two report the
// same path, the later one has it, so that a service that connects again takes
// over from its former call. Thread-safe.
class Report {
 public:
  static constexpr size_t kMaxValues = 2'000;

  Report(ProcessImage& image, std::shared_ptr<PointGroup> group);
  ~Report();  // its values are gone

  // Forgets the values at and below each of `remove`, then puts `values` (path,
  // text). A text that is a number is one, unless its digits would change.
  // kInvalidArgument: a path that a bus or process variable owns, that is not
  // under /Process, or that makes them more than kMaxValues. Nothing was done.
  absl::Status Update(const std::vector<std::string>& remove,
                      const std::vector<std::pair<std::string, std::string>>& values,
                      absl::Time now);

 private:
  ProcessImage& image_;
  const std::shared_ptr<PointGroup> group_;
};

// Removes the points whose path fulfils `condition`; true: there were some.
bool EraseIf(PointGroup& group, const std::function<bool(const std::string&)>& condition);

}  // namespace fieldgate::process_data
