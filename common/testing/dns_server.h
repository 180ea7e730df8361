#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace fieldgate {

// A name server over UDP that knows a few names, for tests of what asks it. It
// lives in the network namespace of the thread that starts it. Thread-safe.
class DnsServer {
 public:
  struct Options {
    // Where it listens: "127.0.0.1", "0.0.0.0", "::". Port 0: any.
    std::string address = "127.0.0.1";
    int port = 0;
    // Name -> its addresses of both families. Others don't exist.
    std::map<std::string, std::vector<std::string>> names = {};
    // Takes questions and answers none.
    bool silent = false;
  };

  // kUnavailable: the address can't be used.
  static absl::StatusOr<std::unique_ptr<DnsServer>> Start(Options options);

  virtual ~DnsServer() = default;
  virtual int port() const = 0;
  // Senders of questions with the names asked for: "10.0.1.2 broker.test".
  virtual std::vector<std::string> Questions() const = 0;
};

}  // namespace fieldgate
