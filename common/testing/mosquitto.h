#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/testing/process.h"

namespace fieldgate {

// A real mosquitto on a port of the loopback that it keeps for life. It queues
// without bound (its defaults drop messages which it has acknowledged) and
// keeps nothing over a restart unless `config` says so. Thread-compatible.
class Mosquitto {
 public:
  struct Options {
    // Empty: everyone may connect.
    std::string username = {};
    std::string password = {};
    // PEM files; empty: no TLS.
    std::string cert_file = {};
    std::string key_file = {};
    // Further lines of mosquitto.conf: "autosave_interval 1".
    std::vector<std::string> config = {};
  };

  // Not running yet.
  Mosquitto();
  explicit Mosquitto(Options options);

  // Starts it, on the same port every time; once OK is returned it accepts
  // connections. Nothing if it runs.
  //
  // kUnavailable: it can't be started, or doesn't listen within 20 s; its
  //               output is in the message.
  absl::Status Start();

  // Ends it in order: clients see their connection closed.
  void Stop();
  // kill -9.
  void Kill();
  // A peer that is silent but there (SIGSTOP), and its return.
  void Pause();
  void Resume();

  int port() const { return port_; }
  // "tcp://127.0.0.1:PORT", with TLS "ssl://localhost:PORT".
  std::string url() const;
  // What all its runs wrote.
  std::string Output() const;

 private:
  void End(int signal);

  const Options options_;
  const int port_;
  const std::string dir_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace fieldgate
