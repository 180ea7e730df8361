#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/cloud_link/events/event_engine.h"

namespace fieldgate::cloud_link {

// A handler that is due, until it was executed.
struct PendingHandler {
  int64_t number = 0;  // grows
  DueHandler due;
};

// What the events know over restarts: of each state its memory, and the
// handlers that are due. Belongs to the loop, between transactions of the
// outboxes whose file it shares; blocks on disk.
//
// Every method: kUnavailable when the file can't be read or written, kDataLoss
// when it is damaged; nothing was changed.
class EventStore {
 public:
  virtual ~EventStore() = default;

  struct Content {
    std::map<std::string, EventMemory> memories;  // by name
    std::vector<PendingHandler> pending;          // by number
  };
  virtual absl::StatusOr<Content> Load() = 0;

  struct Change {
    std::vector<std::pair<std::string, EventMemory>> remember = {};
    std::vector<std::string> forget = {};
    std::vector<PendingHandler> add = {};
    std::vector<int64_t> remove = {};  // numbers

    bool empty() const {
      return remember.empty() && forget.empty() && add.empty() && remove.empty();
    }
  };
  // All of it at once, durable when OK.
  virtual absl::Status Apply(const Change& change) = 0;
};

}  // namespace fieldgate::cloud_link
