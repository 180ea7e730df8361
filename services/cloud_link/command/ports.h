#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tixml/node.h"
#include "proto/config_store.pb.h"
#include "proto/process_data.pb.h"
#include "services/cloud_link/command/program_journal.h"

// What the interpreter needs of the other services and of the gateway itself. Calls may block for
// as long as the command takes (a Set of a bus point waits for the device).
namespace fieldgate::cloud_link {

// Who asks, for logs and the revision list, and through which connector.
struct Origin {
  std::string who;        // "command line", "portal CloudConn", "event Alarm"
  std::string connector;  // empty: through none
};

class ProcessPort {
 public:
  virtual ~ProcessPort() = default;
  // Errors as ProcessData.Get and Set (proto/process_data.proto).
  virtual absl::StatusOr<tixml::Node> Get(absl::string_view path) = 0;
  virtual absl::Status Set(absl::string_view path, absl::string_view value) = 0;
  // As its methods of these names; RecordLog gives the record's id.
  virtual absl::StatusOr<int64_t> RecordLog(absl::string_view log) = 0;
  virtual absl::StatusOr<process_data::v1::ReadLogResponse> ReadLog(
      const process_data::v1::ReadLogRequest& request) = 0;
  virtual absl::StatusOr<process_data::v1::ListLogsResponse> ListLogs() = 0;
};

class ConfigPort {
 public:
  virtual ~ConfigPort() = default;
  // Errors as ConfigStore.SetConfig and GetConfig (proto/config_store.proto).
  virtual absl::StatusOr<config_store::v1::SetConfigResponse> SetConfig(
      absl::string_view database, const std::vector<tixml::Node>& children,
      const Origin& origin) = 0;
  virtual absl::StatusOr<std::vector<tixml::Node>> GetConfig(absl::string_view database) = 0;
  // The newest messages of "SupportLog", "Event", "JobReport" or "Login", newest
  // first. Errors as ConfigStore.ListSupportLog.
  virtual absl::StatusOr<config_store::v1::ListSupportLogResponse> ListMessages(
      absl::string_view log, int count) = 0;
};

enum class ResetKind {
  kRestart,  // of all services
  kFactory,  // back to the factory's configuration, and a restart
};

class GatewayPort {
 public:
  virtual ~GatewayPort() = default;
  // Sends a realtime section of a connector now, or all of them.
  //
  // kNotFound:    there is no such connector or section.
  // kUnavailable: it could not be sent or kept now; says why.
  virtual absl::Status SendRealtimeData(absl::string_view connector,
                                        std::optional<int> section) = 0;
  // Sends the new records of a log section of a connector, or of all of them: now,
  // or once the connector runs.
  //
  // kNotFound:    there is no such connector or section.
  // kUnavailable: the connector is not started, or data can't be sent at all.
  virtual absl::Status SendLogData(absl::string_view connector, std::optional<int> section) = 0;
  // Deletes what rollouts gave; the connectors that used it start over at
  // rollout.
  //
  // kUnavailable: config_store does not answer.
  virtual absl::Status ResetSecrets() = 0;
  // Done once its answer is on its way, at most 10 s later.
  //
  // kFailedPrecondition: the factory's configuration can't be used.
  // kUnavailable:        the loop or config_store does not answer.
  virtual absl::Status Reset(ResetKind kind, const Origin& origin) = 0;
};

class EventPort {
 public:
  virtual ~EventPort() = default;
  // The commands of an EventHandler in the configuration in force. If that is
  // older than `revision`, it is waited for, up to 2 s.
  //
  // kNotFound: there is none; the message names the nearest.
  virtual absl::StatusOr<std::shared_ptr<const std::vector<tixml::Node>>> Handler(
      absl::string_view name, int64_t revision) = 0;
};

// They outlive the interpreter.
struct CommandPorts {
  ProcessPort& process;
  ConfigPort& config;
  GatewayPort& gateway;
  EventPort& events;
  ProgramJournal* journal = nullptr;  // nullptr: none is kept
};

}  // namespace fieldgate::cloud_link
