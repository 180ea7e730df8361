#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/time/threads.h"

namespace fieldgate::process_data {

class ProcessImage;
struct PointGroup;

// Updates of many points in columns, as proto ValueBatch has them. Kept from
// call to call, so that a batch allocates nothing.
struct Batch {
  struct Run {
    uint32_t first = 0;
    uint32_t count = 0;
    int64_t sampled_at_us = 0;
  };
  bool has_dictionary = false;
  std::vector<std::string> paths;
  std::string origins;  // one byte a path: proto PointOrigin
  std::vector<Run> runs;
  std::string kinds;   // one byte a value: ValueKind
  std::string states;  // one byte a value
  std::vector<uint64_t> bits;
  std::vector<std::string> texts;

  bool empty() const { return !has_dictionary && runs.empty(); }
  void Clear();
};

// One reader of some points. It holds no values: whoever reads slowly finds
// each point's last value, so its memory is bounded by its paths. One thread
// at a time.
class Subscription {
 public:
  Subscription(ProcessImage& image, std::vector<std::string> paths, bool subtree);
  ~Subscription();

  // Waits for at most `timeout` until something is new, and fills `batch` with
  // all of it. The first batch has the dictionary and every point; so has one
  // after the dictionary changed. False: nothing was new.
  bool Next(absl::Duration timeout, Batch& batch);

  // Lets a Next that waits, or else the next one, return at once. By any thread.
  void Interrupt();

  // Something may be new. With the image's mutex held.
  void Wake();

 private:
  // Dictionary indexes first .. first + count - 1 are the slots from `slot` of
  // `group`; no group: unknown points.
  struct Segment {
    std::shared_ptr<PointGroup> group;
    size_t slot = 0;
    uint32_t first = 0;
    uint32_t count = 0;
  };

  // With the image's mutex held.
  void Resolve();
  void ResolvePaths();
  void ResolveSubtrees();
  void AddPoint(const std::shared_ptr<PointGroup>& group, size_t slot);
  void Watch(bool on);
  void Collect(Batch& batch);
  void Append(const Segment& segment, bool all, Batch& batch);

  ProcessImage& image_;
  const std::vector<std::string> paths_;
  const bool subtree_;
  const std::unique_ptr<ConditionVariable> wake_;
  bool pending_ = true;
  bool interrupted_ = false;
  bool dictionary_sent_ = false;
  uint64_t seen_ = 0;       // version of the image
  uint64_t structure_ = 0;  // of the image, when the segments were made
  std::vector<Segment> segments_;
  std::vector<std::string> dictionary_;  // subtree only; else it is paths_
  std::string origins_;
};

}  // namespace fieldgate::process_data
