#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tixml/codec.h"
#include "common/tixml/error.h"
#include "common/tixml/node.h"
#include "services/cloud_link/command/ports.h"

namespace fieldgate::cloud_link {

// Bytes of an answer to a request. Larger ones would fill the outbox's lane of
// results with a few.
inline constexpr size_t kMaxAnswer = 1 << 20;

// None of `commands` changes anything.
bool ReadsOnly(const std::vector<tixml::Node>& commands);

// Commands as they come from people and programs.
class CommandText {
 public:
  explicit CommandText(absl::string_view text);

  // kInvalidArgument, kResourceExhausted: as tixml::Parse.
  const absl::StatusOr<tixml::Document>& document() const { return document_; }
  tixml::Format format() const { return format_; }
  bool reads_only() const { return !document_.ok() || ReadsOnly(document_->nodes); }

 private:
  absl::StatusOr<tixml::Document> document_;
  tixml::Format format_;
};

// A SetConfig that is in force on probation: its answer is not final.
struct OnProbation {
  size_t answer = 0;  // index in the answers
  int64_t revision = 0;
  tixml::Verbosity verbosity = tixml::Verbosity::kNumber;  // that it asked for
};

// Executes TiXML commands: the only interpreter, for the portal, the command
// line, a rollout's gateway_configuration and events alike (manual 3, 4;
// PROTOCOL 4). There are Get, Set, SetConfig, GetConfig, Reset,
// CloudSendRealtimeData (7.3), CloudSendLogData, RecordLog, ReadLog and DoOn;
// names of commands are case-sensitive. Errors are answered as Table 1-4 has
// them for the command's `ver`.
//
// Thread-safe, as its ports are; blocks as they do, so it runs on the command
// queue, never on the loop.
class Interpreter {
 public:
  explicit Interpreter(const CommandPorts& ports) : ports_(ports) {}

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
    std::vector<OnProbation> on_probation;
  };

  // Executes `commands` in order; a failing one doesn't stop the rest. Before
  // the first SetConfig, also in a handler of a DoOn, the program is stopped and
  // that awaited; after the last one its former mode is restored, also when some
  // failed. A SetConfig before
  // which the program could not be stopped is not executed. When the mode can't
  // be restored, the last SetConfig is answered with an error that says that
  // the configuration is in force. The mode is in the journal until it is
  // restored, or set by a command.
  Result Execute(const std::vector<tixml::Node>& commands, const Origin& origin);

  // Text that could not be parsed, or holds no command, is answered with one
  // <Error>. The answer is in the request's format.
  struct TextResult {
    std::string text;
    bool failed = false;
    std::vector<std::string> problems;
    std::vector<std::string> warnings;
  };
  TextResult ExecuteText(const CommandText& text, const Origin& origin);

  // Restores the mode that the journal has: that of a program which was stopped
  // by a process that died, or could not be restored. A program that does not
  // stand still any more was set by somebody; that counts. OK also when there is
  // nothing to restore.
  //
  // kUnavailable: process_data does not answer; try again.
  absl::Status RestoreProgram();

 private:
  const CommandPorts ports_;
};

}  // namespace fieldgate::cloud_link
