#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/tixml/node.h"
#include "services/cloud_link/command/ports.h"

namespace fieldgate::cloud_link {

// Bytes of an answer to a request. Larger ones would fill the outbox's lane of
// results with a few.
inline constexpr size_t kMaxAnswer = 1 << 20;

// Executes TiXML commands: the only interpreter, for the portal, the command
// line and a rollout's gateway_configuration alike (manual 3, 4; PROTOCOL 4).
// Get, Set, SetConfig, GetConfig, CloudSendRealtimeData (7.3), CloudSendLogData,
// RecordLog, ReadLog and Reset of the Secretfile (2.1.2) so far; names of commands are
// case-sensitive. Errors are answered as Table 1-4 has them for the command's `ver`.
//
// Thread-compatible; blocks as its ports do, so it runs on the command thread,
// never on the loop.
class Interpreter {
 public:
  explicit Interpreter(const CommandPorts& ports) : ports_(ports) {}

  // None of `commands` changes anything.
  static bool ReadsOnly(const std::vector<tixml::Node>& commands);

  struct Result {
    // One answer a command, in order.
    std::vector<tixml::Node> answers;
    bool failed = false;  // any of them
    // A SetConfig was not executed since the program would not stop.
    bool program_not_stopped = false;
    // For people, at any `ver`; a line each, "line 12: /ISP/CloudConn/QoS: '7'
    // is no QoS; write 0, 1 or 2". Empty exactly when nothing failed.
    std::vector<std::string> problems;
    std::vector<std::string> warnings;  // likewise, of accepted configurations
  };

  // Executes `commands` in order; a failing one doesn't stop the rest. Before
  // the first SetConfig the program is stopped and that awaited; after the last
  // one its former mode is restored, also when some failed. A SetConfig before
  // which the program could not be stopped is not executed. When the mode can't
  // be restored, the last SetConfig is answered with an error that says that
  // the configuration is in force.
  Result Execute(const std::vector<tixml::Node>& commands, const Origin& origin);

  // Parses first; text that can't be parsed, or holds no command, is answered
  // with one <Error>. The answer is in the request's format.
  struct TextResult {
    std::string text;
    bool failed = false;
    std::vector<std::string> problems;
    std::vector<std::string> warnings;
  };
  TextResult ExecuteText(absl::string_view text, const Origin& origin);

 private:
  const CommandPorts ports_;
};

}  // namespace fieldgate::cloud_link
