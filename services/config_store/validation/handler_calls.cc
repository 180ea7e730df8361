#include "services/config_store/validation/handler_calls.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/cli/options.h"
#include "common/tixml/commands.h"

namespace fieldgate::config_store {
namespace {

using tixml::kMaxDoOnCommands;
using tixml::kMaxDoOnDepth;

// A walk through the handlers, each visited once.
class Walk {
 public:
  Walk(const std::vector<HandlerCall>& calls, const HandlerNames& handlers, Problems& problems)
      : problems_(problems) {
    for (const std::string& name : handlers.all()) handlers_[name];
    for (const HandlerCall& call : calls) handlers_[call.handler].calls.push_back(&call);
  }

  void Visit(const std::string& name) {
    Handler& handler = handlers_.at(name);
    if (handler.visited) return;
    handler.visited = true;
    path_.push_back(name);
    for (const HandlerCall* call : handler.calls) {
      ++handler.commands;
      if (call->callee.has_value()) Follow(handler, *call);
    }
    path_.pop_back();
  }

 private:
  struct Handler {
    std::vector<const HandlerCall*> calls;
    bool visited = false;
    // With those of the handlers that it executes.
    int depth = 1;
    int commands = 0;
  };

  void Follow(Handler& handler, const HandlerCall& call) {
    const auto found = handlers_.find(*call.callee);
    if (found == handlers_.end()) return;  // an error already
    const auto cycle = std::find(path_.begin(), path_.end(), *call.callee);
    if (cycle != path_.end()) {
      std::vector<std::string> names(cycle, path_.end());
      names.push_back(*call.callee);
      problems_.Error(
          call.place,
          absl::StrCat("handlers would execute each other for ever: ", absl::StrJoin(names, " > ")),
          "remove one of these DoOn");
      return;
    }
    Visit(*call.callee);
    handler.depth = std::max(handler.depth, found->second.depth + 1);
    handler.commands += found->second.commands;
    // Each error once: the caller of this handler starts counting anew.
    if (handler.depth > kMaxDoOnDepth) {
      problems_.Error(call.place,
                      absl::StrCat("it executes ", handler.depth, " handlers in each other"),
                      absl::StrCat("use at most ", kMaxDoOnDepth));
      handler.depth = 1;
    }
    if (handler.commands > kMaxDoOnCommands) {
      problems_.Error(call.place,
                      absl::StrCat("with it ", call.handler, " executes more than ",
                                   kMaxDoOnCommands, " commands"),
                      "use fewer DoOn");
      handler.commands = 0;
    }
  }

  Problems& problems_;
  absl::flat_hash_map<std::string, Handler> handlers_;
  std::vector<std::string> path_;
};

}  // namespace

bool HandlerNames::Add(const std::string& name) {
  if (!set_.insert(name).second) return false;
  all_.push_back(name);
  return true;
}

std::string HandlerNames::Remedy(absl::string_view name) const {
  constexpr int kWorkedOut = 20;
  if (all_.empty()) return "add it to EVENTS/EventHandler";
  if (++remedies_ > kWorkedOut) return "write the name of an EventHandler";
  const std::string nearest = cli::Nearest(name, all_);
  if (!nearest.empty()) return absl::StrCat("did you mean ", nearest, "?");
  constexpr size_t kShown = 10;
  const size_t shown = std::min(all_.size(), kShown);
  return absl::StrCat(
      "there are ", absl::StrJoin(all_.begin(), all_.begin() + static_cast<ptrdiff_t>(shown), ", "),
      shown < all_.size() ? " ..." : "");
}

void CheckCalls(const std::vector<HandlerCall>& calls, const HandlerNames& handlers,
                Problems& problems) {
  for (const HandlerCall& call : calls) {
    if (!call.callee.has_value()) continue;
    if (call.callee->empty()) {
      problems.Error(call.place, "DoOn names no handler", "write <DoOn _=\"NAME\"/>");
    } else if (!handlers.Has(*call.callee)) {
      problems.Error(call.place, absl::StrCat("there is no EventHandler ", Quote(*call.callee)),
                     handlers.Remedy(*call.callee));
    }
  }
  Walk walk(calls, handlers, problems);
  for (const std::string& name : handlers.all()) walk.Visit(name);
}

}  // namespace fieldgate::config_store
