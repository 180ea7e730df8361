#pragma once

#include <functional>
#include <memory>

#include "absl/time/time.h"

namespace fieldgate::cloud_link {

// Carries out, in order, what may block. Its thread ends by itself once the
// object is gone and all is done; nobody waits for it. Thread-safe.
class ClientThread {
 public:
  // How often a watch is asked.
  static constexpr absl::Duration kWatchEvery = absl::Seconds(1);

  using Task = std::function<void()>;
  // False ends it.
  using Watch = std::function<bool()>;

  ClientThread();
  ~ClientThread();

  void Post(Task task);

  // Asks `watch` once a period, between tasks, until it returns false; in place
  // of an earlier one, which may be asked once more. nullptr: none.
  void SetWatch(Watch watch);

 private:
  struct Queue;
  static void Run(Queue& queue);

  const std::shared_ptr<Queue> queue_;
};

}  // namespace fieldgate::cloud_link
