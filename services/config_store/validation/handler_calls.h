#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "services/config_store/validation/problems.h"

// What EventHandlers call: of the EVENTS database alone.
namespace fieldgate::config_store {

// The handlers that there are.
class HandlerNames {
 public:
  bool Add(const std::string& name);  // false: it is there already
  bool Has(absl::string_view name) const { return set_.contains(name); }
  const std::vector<std::string>& all() const { return all_; }
  // What to write instead of a name that is none of them. The first are worked
  // out, the nearest name and all; of many one reads no more.
  std::string Remedy(absl::string_view name) const;

 private:
  std::vector<std::string> all_;
  absl::flat_hash_set<std::string> set_;
  mutable int remedies_ = 0;
};

// One command of a handler.
struct HandlerCall {
  std::string handler;                // that it belongs to
  std::optional<std::string> callee;  // DoOn: which handler it executes
  Place place;
};

// Errors about a DoOn of a handler that is not among `handlers`, handlers that
// execute each other for ever (the cycle is shown), and handlers beyond the
// bounds of common/tixml/commands.h.
void CheckCalls(const std::vector<HandlerCall>& calls, const HandlerNames& handlers,
                Problems& problems);

}  // namespace fieldgate::config_store
