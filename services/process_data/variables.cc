#include "services/process_data/variables.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/process_data/paths.h"

namespace fieldgate::process_data {

absl::StatusOr<std::unique_ptr<Variables>> Variables::Open(std::unique_ptr<VariableStore> store,
                                                           ProcessImage& image,
                                                           const Clock& clock) {
  absl::StatusOr<std::map<std::string, Value>> saved = store->Load();
  if (!saved.ok()) return Annotate(saved.status(), "loading the process variables");
  std::unique_ptr<Variables> variables(new Variables(std::move(store), image, clock));
  variables->saved_ = *std::move(saved);
  return variables;
}

void Variables::Configure(const std::vector<config_store::v1::ProcessVariable>& variables) {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, Value>> values;
  for (const config_store::v1::ProcessVariable& variable : variables) {
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
  if (absl::Status saved = store_->Save(name, value); !saved.ok()) {
    return Annotate(saved, absl::StrCat("saving ", path));
  }
  saved_[name] = value;
  return image_.Put(path, value, clock_.WallNow());
}

}  // namespace fieldgate::process_data
