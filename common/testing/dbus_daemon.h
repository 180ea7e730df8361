#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/testing/process.h"

namespace fieldgate {

// A real message bus with a socket of its own, on which everybody may do
// everything. Thread-compatible.
class DBusDaemon {
 public:
  DBusDaemon();  // not running yet

  // Starts it, at the same address every time; once OK is returned it accepts
  // connections. Nothing if it runs.
  //
  // kUnavailable: it can't be started, or doesn't listen within 20 s; its
  //               output is in the message.
  absl::Status Start();

  // kill -9.
  void Kill();
  // A bus that is there, but silent (SIGSTOP), and its return.
  void Pause();
  void Resume();

  // For DBUS_SYSTEM_BUS_ADDRESS.
  std::string address() const;

 private:
  const std::string dir_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace fieldgate
