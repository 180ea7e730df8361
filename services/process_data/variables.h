#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/time/clock.h"
#include "common/value/value.h"
#include "proto/config_store.pb.h"
#include "services/process_data/process_image.h"

namespace fieldgate::process_data {

// Where the values of process variables survive. One thread at a time.
class VariableStore {
 public:
  virtual ~VariableStore() = default;

  struct Saved {
    std::map<std::string, Value> values;   // all that were ever saved, by name
    std::optional<int64_t> factory_epoch;  // none: none was given yet
  };
  virtual absl::StatusOr<Saved> Load() = 0;

  // OK: survives a power cut. Blocks on disk.
  // kUnavailable: can't be written; the former value stays, safe to retry.
  virtual absl::Status Save(const std::string& name, const Value& value) = 0;

  // Keeps the epoch in mind; with `forget` all values are forgotten at once with
  // that. As Save.
  virtual absl::Status SetEpoch(int64_t factory_epoch, bool forget) = 0;
};

// The process variables, /Process/PV/<name>: values that commands write and
// everybody reads. One has its configured initial value until it is set; from
// then on the value set, also over restarts, and when the variable was missing
// from a configuration for a while. Thread-safe.
class Variables {
 public:
  // Loads what was saved. Errors are those of VariableStore::Load.
  static absl::StatusOr<std::unique_ptr<Variables>> Open(std::unique_ptr<VariableStore> store,
                                                         ProcessImage& image, const Clock& clock);

  // When `factory_epoch` is later than the last, all variables have their initial
  // values again; the first one ever, and an earlier one (config_store has lost
  // its file), are only kept in mind. What can't be
  // written to disk now is so before the next Set, or done again after a restart.
  // Blocks on disk.
  void AdoptEpoch(int64_t factory_epoch);

  // Replaces the set of variables.
  void Configure(const std::vector<config_store::v1::ProcessVariable>& variables);

  // Durable when OK is returned, and then in the image. The value has the type
  // that the text has (InferValue). Blocks on disk.
  // kNotFound:        no such variable.
  // kUnavailable:     no such variable yet: the configuration has not come.
  // kInvalidArgument: longer than kMaxTextBytes.
  // kUnavailable:     can't be saved; nothing was changed.
  absl::Status Set(absl::string_view path, absl::string_view text);

  // The largest body of a command is 64 times that.
  static constexpr size_t kMaxTextBytes = 4096;

 private:
  Variables(std::unique_ptr<VariableStore> store, ProcessImage& image, const Clock& clock)
      : store_(std::move(store)), image_(image), clock_(clock) {}

  // All with mutex_ held.
  void PutAll();
  absl::Status StoreEpoch();

  std::mutex mutex_;  // also keeps the image in the order of the store
  const std::unique_ptr<VariableStore> store_;
  ProcessImage& image_;
  const Clock& clock_;
  std::vector<config_store::v1::ProcessVariable> configured_;
  std::map<std::string, Value> saved_;
  std::optional<int64_t> epoch_;
  bool epoch_stored_ = true;
  bool forget_ = false;  // with the epoch that is not stored yet
};

}  // namespace fieldgate::process_data
