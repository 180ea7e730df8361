#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/value/value.h"
#include "services/cloud_link/command/ports.h"
#include "services/cloud_link/log_data/test_log.h"

namespace fieldgate::cloud_link {

// A process image of single values, and subtrees put there whole.
class FakeProcessPort : public ProcessPort {
 public:
  absl::StatusOr<tixml::Node> Get(absl::string_view path) override;
  absl::Status Set(absl::string_view path, absl::string_view value) override;
  absl::StatusOr<int64_t> RecordLog(absl::string_view log) override;
  absl::StatusOr<process_data::v1::ReadLogResponse> ReadLog(
      const process_data::v1::ReadLogRequest& request) override;
  absl::StatusOr<process_data::v1::ListLogsResponse> ListLogs() override;

  std::string mode() const { return values_.at("/Process/Program/Mode"); }

  std::map<std::string, std::string> values_ = {{"/Process/Program/Mode", "Run"}};
  std::map<std::string, tixml::Node> subtrees_;
  std::map<std::string, TestLog> logs_;
  // What RecordLog writes, and when.
  std::vector<Value> record_ = {};
  int64_t record_at_us_ = 0;
  // "Get PATH", "Set PATH=VALUE", "RecordLog LOG", "ReadLog LOG", "ListLogs" ->
  // what the call returns instead.
  std::map<std::string, absl::Status> failures_;
  // Every call, in order, of both ports if they share it.
  std::vector<std::string>* calls_ = nullptr;
};

// Databases without validation. A child named Bad is refused.
class FakeConfigPort : public ConfigPort {
 public:
  absl::StatusOr<config_store::v1::SetConfigResponse> SetConfig(
      absl::string_view database, const std::vector<tixml::Node>& children,
      const Origin& origin) override;
  absl::StatusOr<std::vector<tixml::Node>> GetConfig(absl::string_view database) override;
  absl::StatusOr<config_store::v1::ListSupportLogResponse> ListMessages(absl::string_view log,
                                                                        int count) override;

  std::map<std::string, tixml::Node> databases_;
  // By log, oldest first.
  std::map<std::string, std::vector<config_store::v1::SupportLogEntry>> messages_;
  // Given with every answer.
  std::vector<config_store::v1::Problem> warnings_;
  absl::Status failure_;  // of every call
  bool refuse_silently_ = false;
  int64_t revision_ = 0;  // grows with each
  bool on_probation_ = false;
  Origin last_origin_;
  std::vector<std::string>* calls_ = nullptr;
};

// Handlers that a test gives.
class FakeEventPort : public EventPort {
 public:
  absl::StatusOr<std::shared_ptr<const std::vector<tixml::Node>>> Handler(
      absl::string_view name, int64_t revision) override;
  // `commands` is TiXML.
  void Put(const std::string& name, absl::string_view commands);

  std::map<std::string, std::shared_ptr<const std::vector<tixml::Node>>> handlers_;
  int64_t waited_for_ = 0;  // the highest revision
};

// Notes what it was asked for.
class FakeGatewayPort : public GatewayPort {
 public:
  absl::Status SendRealtimeData(absl::string_view connector, std::optional<int> section) override;
  absl::Status SendLogData(absl::string_view connector, std::optional<int> section) override;
  absl::Status ResetSecrets() override;
  absl::Status Reset(ResetKind kind, const Origin& origin) override;

  absl::Status failure_;            // of every call
  std::vector<std::string> calls_;  // "SendRealtimeData CloudConn 3", "ResetSecrets",
                                    // "Restart", "Factory"
};

}  // namespace fieldgate::cloud_link
