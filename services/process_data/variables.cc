#include "services/process_data/variables.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/status.h"
#include "services/process_data/paths.h"

namespace fieldgate::process_data {

absl::StatusOr<std::unique_ptr<Variables>> Variables::Open(std::unique_ptr<VariableStore> store,
                                                           ProcessImage& image,
                                                           const Clock& clock) {
  absl::StatusOr<VariableStore::Saved> saved = store->Load();
  if (!saved.ok()) return Annotate(saved.status(), "loading the process variables");
  std::unique_ptr<Variables> variables(new Variables(std::move(store), image, clock));
  variables->saved_ = std::move(saved->values);
  variables->epoch_ = saved->factory_epoch;
  return variables;
}

void Variables::AdoptEpoch(int64_t factory_epoch) {
  std::lock_guard lock(mutex_);
  if (epoch_ != factory_epoch) {
    // An older one: config_store has lost its file, which is no reset.
    if (epoch_.has_value() && factory_epoch > *epoch_) {
      log::Info("process variables are reset to their initial values");
      forget_ = true;
      saved_.clear();
      PutAll();
    }
    epoch_ = factory_epoch;
    epoch_stored_ = false;
  }
  if (absl::Status stored = StoreEpoch(); !stored.ok()) {
    log::Error("the factory reset can't be stored yet", {{"error", std::string(stored.message())}});
  }
}

absl::Status Variables::StoreEpoch() {
  if (epoch_stored_) return absl::OkStatus();
  absl::Status status = store_->SetEpoch(*epoch_, forget_);
  if (!status.ok()) return Annotate(status, "forgetting the process variables");
  epoch_stored_ = true;
  forget_ = false;
  return absl::OkStatus();
}

void Variables::Configure(const std::vector<config_store::v1::ProcessVariable>& variables) {
  std::lock_guard lock(mutex_);
  configured_ = variables;
  PutAll();
}

void Variables::PutAll() {
  std::vector<std::pair<std::string, Value>> values;
  for (const config_store::v1::ProcessVariable& variable : configured_) {
    const auto it = saved_.find(variable.name());
    values.emplace_back(variable.name(),
                        it == saved_.end() ? InferValue(variable.initial_value()) : it->second);
  }
  image_.ConfigureVariables(values, clock_.WallNow());
}

absl::Status Variables::Set(absl::string_view path, absl::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a value of ", text.size(), " bytes is longer than ", kMaxTextBytes));
  }
  std::lock_guard lock(mutex_);
  if (absl::Status found = image_.Locate(path).status(); !found.ok()) return found;
  const std::string name(path.substr(absl::string_view(kVariables).size() + 1));
  const Value value = InferValue(text);
  if (absl::Status stored = StoreEpoch(); !stored.ok()) return stored;
  if (absl::Status saved = store_->Save(name, value); !saved.ok()) {
    return Annotate(saved, absl::StrCat("saving ", path));
  }
  saved_[name] = value;
  return image_.Put(path, value, clock_.WallNow());
}

}  // namespace fieldgate::process_data
