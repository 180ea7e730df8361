#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/time/clock.h"
#include "proto/config_store.pb.h"
#include "proto/tixml.pb.h"
#include "services/process_data/process_image.h"
#include "services/process_data/system/system_entries.h"
#include "services/process_data/system/system_reader.h"

namespace fieldgate::process_data {

// Everything that Get can address: what the device tells about itself (manual
// 5), with the process image in its place. The device's own values are points
// of the image, too; they are read when somebody asks, and while somebody has
// subscribed to them, and never otherwise. Thread-safe.
class SystemTree {
 public:
  // Slow values: who looks at free memory looks at it over hours.
  static constexpr absl::Duration kRefreshPeriod = absl::Seconds(5);

  // Until Configure nothing is known of the device.
  SystemTree(ProcessImage& image, const Clock& clock, SystemReader reader,
             absl::Duration refresh_period = kRefreshPeriod);
  ~SystemTree();

  // Who this device is.
  void Configure(const config_store::v1::Device& device);

  // The element of `path` with everything below it, as it is now; "" and
  // "/SYSTEM" are the whole tree, and paths may begin with /SYSTEM. A value
  // whose hardware is absent is empty. Waits for what is at and below `path`
  // only: blocks as SystemReader::Ask and Read do.
  // kNotFound:    as ProcessImage::Read.
  // kUnavailable: nothing has this path yet, it may come with the
  //               configuration.
  absl::StatusOr<tixml::v1::Node> Get(absl::string_view path);

  // As long as it lives, the device's own values among the paths are kept
  // fresh.
  class Interest {
   public:
    ~Interest();

   private:
    friend class SystemTree;
    SystemTree* tree_ = nullptr;
    std::list<Sources>::iterator place_;
  };
  // Blocks as Get does, so that the image has present values when it returns.
  // Null when none of the paths is a value of the device that changes.
  std::unique_ptr<Interest> Subscribe(const std::vector<std::string>& paths, bool subtree);

 private:
  void Apply(const config_store::v1::Device& device);  // with mutex_ held
  void Refresh(Sources sources);
  absl::StatusOr<tixml::v1::Node> GetProcess(const std::string& path,
                                             const std::vector<SystemEntry>& entries) const;
  // With mutex_ held.
  std::vector<std::pair<std::string, Value>> ImageValues(Sources sources, bool all) const;
  void Run();

  ProcessImage& image_;
  const Clock& clock_;
  const absl::Duration refresh_period_;

  std::mutex mutex_;  // held while reading, so that readings come in order
  SystemReader reader_;
  config_store::v1::Device device_;
  bool configured_ = false;
  // Who asked later has the newer answers: number of the question, and by
  // source that of the last answer.
  uint64_t asked_ = 0;
  std::map<Sources, uint64_t> answered_;
  SystemValues values_;
  std::vector<SystemEntry> entries_;

  std::mutex interests_mutex_;  // never with mutex_
  std::condition_variable changed_;
  std::list<Sources> interests_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses everything else
};

}  // namespace fieldgate::process_data
