#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/time/threads.h"
#include "common/value/value.h"
#include "services/process_data/sample.h"

namespace fieldgate::process_data {

struct PointGroup;
class Report;
class Subscription;

// The points of one device, for the thread that polls it.
using DeviceHandle = std::shared_ptr<PointGroup>;

struct DeviceLayout {
  struct Point {
    std::string name;
    // What the point means, as a hash: the value is kept over a change of the
    // configuration while this stays the same.
    uint64_t definition = 0;
  };
  std::string path;  // "/Process/Bus1/Device1"
  std::vector<Point> points;
};

// What a poll gave.
struct PollUpdate {
  bool answered = false;
  // With `answered`: one a point; those that are not valid keep their value.
  absl::Span<const Sample> samples = {};
  absl::Span<const std::string> texts = {};
  // When the last answer came; without one, when the device was given up.
  absl::Time sampled_at = absl::UnixEpoch();
};

// The values of everything under /Process: devices in the order of their
// configuration, then what other services report, then process variables, the
// program, the logs and the mainboard; and those of the system beside it.
// Thread-safe; no call waits for more than other calls' copying.
class ProcessImage {
 public:
  // Readers wait as `threads` do.
  explicit ProcessImage(absl::Time now, Threads& threads = RealThreads());
  ~ProcessImage();

  ProcessImage(const ProcessImage&) = delete;
  ProcessImage& operator=(const ProcessImage&) = delete;

  // Replaces the set of devices and returns their handles in this order. A
  // device whose layout did not change keeps its handle and values; in a
  // changed one, points of the same path and definition keep their values.
  // Handles of other devices must not be used any more.
  std::vector<DeviceHandle> ConfigureDevices(const std::vector<DeviceLayout>& devices,
                                             absl::Time now);
  // Replaces the set of process variables. One whose value is as it was is no
  // update.
  void ConfigureVariables(const std::vector<std::pair<std::string, Value>>& variables,
                          absl::Time now);
  // Replaces the set of values that the device has of itself, below
  // /Process/MB and outside /Process (system/).
  void ConfigureSystem(const std::vector<std::pair<std::string, Value>>& values, absl::Time now);
  // New values of some of them, at once; paths that are none of them are left
  // out.
  void PutSystem(const std::vector<std::pair<std::string, Value>>& values, absl::Time at);

  // Replaces the set of values that say what is stored of each log, below
  // /Process/Log (logging/).
  void ConfigureLogs(const std::vector<std::pair<std::string, Value>>& values, absl::Time now);
  // As PutSystem.
  void PutLogs(const std::vector<std::pair<std::string, Value>>& values, absl::Time at);

  // All samples of a poll at once: a reader sees all of them or none. When the
  // device answered, DeviceState becomes 1 and ChangeToggle changes; otherwise
  // DeviceState and the states of all its points become 0. A point that
  // becomes invalid has the time at which it did; then nothing changes until
  // it is valid again.
  void CommitPoll(const DeviceHandle& device, const PollUpdate& update);
  // One point, read back after it was written.
  void CommitPoint(const DeviceHandle& device, size_t point, const Sample& sample,
                   const std::string& text, absl::Time at);
  // A process variable or the program's mode.
  // kNotFound, kUnavailable: as Read.
  absl::Status Put(absl::string_view path, const Value& value, absl::Time at);

  // The configuration has come: what nothing has now does not exist.
  void SetConfigured();

  struct Reading {
    enum class Owner { kDevice, kReport, kSelf };
    std::string path;
    std::string text;
    Owner owner = Owner::kSelf;
  };
  // The values at and below `path`, in order; at least one.
  // kNotFound:    nothing has this path; the message names the longest part of
  //               it that exists.
  // kUnavailable: nothing has this path below /Process yet; it may come with
  //               the configuration.
  absl::StatusOr<std::vector<Reading>> Read(absl::string_view path) const;

  // What a path is, for whoever writes it.
  struct Location {
    enum class Kind { kBusPoint, kVariable, kProgramMode, kReadOnly };
    Kind kind = Kind::kReadOnly;
    std::string device_path;  // kBusPoint
    size_t point = 0;         // kBusPoint: index in the device
  };
  // kNotFound, kUnavailable: as Read; kNotFound also when it is a subtree and
  // no value.
  absl::StatusOr<Location> Locate(absl::string_view path) const;

  // At most kMaxSubscriptions at a time; must end before the image.
  // kInvalidArgument:   no path, or more than kMaxSubscribedPaths.
  // kResourceExhausted: too many subscriptions.
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(std::vector<std::string> paths,
                                                          bool subtree);
  // For the service itself: single values, neither bounded nor counted.
  std::unique_ptr<Subscription> Follow(std::vector<std::string> paths);
  static constexpr size_t kMaxSubscribedPaths = 20'000;
  static constexpr size_t kMaxSubscriptions = 64;

  // Values of another service, which go when the Report is destroyed. Must end
  // before the image.
  std::unique_ptr<Report> OpenReport();

 private:
  friend class Report;
  friend class Subscription;

  struct PointRef {
    PointGroup* group = nullptr;
    size_t slot = 0;
  };

  // All of these with mutex_ held.
  DeviceHandle MakeDevice(const DeviceLayout& layout, absl::Time now);
  // Replaces `group` by one of `values` (path, value); one whose value is as it
  // was is no update.
  void Replace(std::shared_ptr<PointGroup>& group,
               const std::vector<std::pair<std::string, Value>>& values, absl::Time now);
  void PutAll(PointGroup& group, const std::vector<std::pair<std::string, Value>>& values,
              absl::Time at);
  void Write(PointGroup& group, size_t slot, const Sample& sample, uint8_t state,
             const std::string& text, int64_t at_us);
  void Structure();  // the set of points has changed
  void Wake(PointGroup& group);
  bool IsOwned(absl::string_view path) const;
  absl::Status NotFound(absl::string_view path) const;
  std::vector<PointGroup*> InOrder() const;

  Threads& threads_;
  mutable std::mutex mutex_;
  bool configured_ = false;
  std::vector<std::shared_ptr<PointGroup>> devices_;
  std::vector<std::shared_ptr<PointGroup>> reports_;
  std::shared_ptr<PointGroup> variables_;
  std::shared_ptr<PointGroup> program_;
  std::shared_ptr<PointGroup> logs_;
  std::shared_ptr<PointGroup> system_;
  // Views of the groups' paths.
  std::unordered_map<std::string_view, PointRef> index_;
  uint64_t version_ = 0;    // grows with every write
  uint64_t structure_ = 0;  // grows when points come or go
  std::set<Subscription*> subscriptions_;
  std::set<Subscription*> followers_;
};

}  // namespace fieldgate::process_data
