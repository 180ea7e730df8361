#include "services/cloud_link/command/fake_ports.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/tixml/codec.h"

namespace fieldgate::cloud_link {
namespace {

std::string Normal(absl::string_view path) {
  return absl::StrCat("/", absl::StripSuffix(absl::StripPrefix(path, "/"), "/"));
}

}  // namespace

absl::StatusOr<tixml::Node> FakeProcessPort::Get(absl::string_view path) {
  const std::string key = Normal(path);
  if (calls_ != nullptr) calls_->push_back("Get " + key);
  if (const auto f = failures_.find("Get " + key); f != failures_.end()) return f->second;
  if (const auto s = subtrees_.find(key); s != subtrees_.end()) return s->second;
  if (const auto v = values_.find(key); v != values_.end()) {
    return tixml::ValueNode(key.substr(key.rfind('/') + 1), v->second);
  }
  return absl::NotFoundError(absl::StrCat(key, " does not exist; /Process does"));
}

absl::Status FakeProcessPort::Set(absl::string_view path, absl::string_view value) {
  const std::string key = Normal(path);
  const std::string call = absl::StrCat("Set ", key, "=", value);
  if (calls_ != nullptr) calls_->push_back(call);
  if (const auto f = failures_.find(call); f != failures_.end()) return f->second;
  if (values_.count(key) == 0) return absl::NotFoundError(absl::StrCat(key, " does not exist"));
  values_[key] = std::string(value);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> FakeProcessPort::RecordLog(absl::string_view log) {
  const std::string call = absl::StrCat("RecordLog ", log);
  if (calls_ != nullptr) calls_->push_back(call);
  if (const auto f = failures_.find(call); f != failures_.end()) return f->second;
  const auto found = logs_.find(std::string(log));
  if (found == logs_.end()) return absl::NotFoundError(absl::StrCat("there is no log ", log));
  return found->second.Record(record_at_us_, record_);
}

absl::StatusOr<process_data::v1::ReadLogResponse> FakeProcessPort::ReadLog(
    const process_data::v1::ReadLogRequest& request) {
  const std::string call = absl::StrCat("ReadLog ", request.log());
  if (calls_ != nullptr) calls_->push_back(call);
  if (const auto f = failures_.find(call); f != failures_.end()) return f->second;
  const auto found = logs_.find(request.log());
  if (found == logs_.end()) {
    return absl::NotFoundError(absl::StrCat("there is no log ", request.log()));
  }
  if (request.count() > 1000) return absl::InvalidArgumentError("at most 1000 records");
  return found->second.Read(request);
}

absl::StatusOr<process_data::v1::ListLogsResponse> FakeProcessPort::ListLogs() {
  if (calls_ != nullptr) calls_->push_back("ListLogs");
  if (const auto f = failures_.find("ListLogs"); f != failures_.end()) return f->second;
  process_data::v1::ListLogsResponse response;
  for (const auto& [name, log] : logs_) {
    auto& extent = *response.add_logs();
    extent = log.Extent();
    extent.set_name(name);
  }
  return response;
}

absl::StatusOr<config_store::v1::SetConfigResponse> FakeConfigPort::SetConfig(
    absl::string_view database, const std::vector<tixml::Node>& children, const Origin& origin) {
  if (calls_ != nullptr) calls_->push_back(absl::StrCat("SetConfig ", database));
  if (!failure_.ok()) return failure_;
  last_origin_ = origin;
  config_store::v1::SetConfigResponse response;
  for (const config_store::v1::Problem& warning : warnings_) *response.add_problems() = warning;
  response.set_applied(!refuse_silently_);
  for (const tixml::Node& child : children) {
    if (child.name != "Bad") continue;
    response.set_applied(false);
    config_store::v1::Problem& problem = *response.add_problems();
    problem.set_severity(config_store::v1::Problem::ERROR);
    problem.set_path(absl::StrCat("/", database, "/Bad"));
    problem.set_line(child.line);
    problem.set_message("there is no Bad");
    problem.set_remedy("write Good");
  }
  if (!response.applied()) return response;
  response.set_revision(++revision_);
  response.set_on_probation(on_probation_);
  tixml::Node& node = databases_[std::string(database)];
  node.name = std::string(database);
  node.children = children;
  return response;
}

absl::StatusOr<std::vector<tixml::Node>> FakeConfigPort::GetConfig(absl::string_view database) {
  if (!failure_.ok()) return failure_;
  std::vector<tixml::Node> nodes;
  for (const auto& [name, node] : databases_) {
    if (database.empty() || name == database) nodes.push_back(node);
  }
  if (nodes.empty() && !database.empty()) {
    return absl::NotFoundError(absl::StrCat("there is no ", database));
  }
  return nodes;
}

absl::StatusOr<std::shared_ptr<const std::vector<tixml::Node>>> FakeEventPort::Handler(
    absl::string_view name, int64_t revision) {
  waited_for_ = std::max(waited_for_, revision);
  const auto found = handlers_.find(std::string(name));
  if (found == handlers_.end()) {
    return absl::NotFoundError(absl::StrCat("there is no EventHandler ", name));
  }
  return found->second;
}

void FakeEventPort::Put(const std::string& name, absl::string_view commands) {
  std::vector<tixml::Node> nodes = tixml::Parse(commands)->nodes;
  for (tixml::Node& node : nodes) node.line = 0;  // as config_store gives them
  handlers_[name] = std::make_shared<const std::vector<tixml::Node>>(std::move(nodes));
}

absl::StatusOr<config_store::v1::ListSupportLogResponse> FakeConfigPort::ListMessages(
    absl::string_view log, int count) {
  if (!failure_.ok()) return failure_;
  const std::vector<config_store::v1::SupportLogEntry>& entries = messages_[std::string(log)];
  config_store::v1::ListSupportLogResponse response;
  response.set_total(static_cast<int64_t>(entries.size()));
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (response.entries_size() == (count == 0 ? 100 : count)) break;
    *response.add_entries() = *entry;
  }
  return response;
}

absl::Status FakeGatewayPort::SendRealtimeData(absl::string_view connector,
                                               std::optional<int> section) {
  calls_.push_back(absl::StrCat("SendRealtimeData ", connector,
                                section.has_value() ? absl::StrCat(" ", *section) : ""));
  return failure_;
}

absl::Status FakeGatewayPort::SendLogData(absl::string_view connector, std::optional<int> section) {
  calls_.push_back(absl::StrCat("SendLogData ", connector,
                                section.has_value() ? absl::StrCat(" ", *section) : ""));
  return failure_;
}

absl::Status FakeGatewayPort::ResetSecrets() {
  calls_.push_back("ResetSecrets");
  return failure_;
}

absl::Status FakeGatewayPort::Reset(ResetKind kind, const Origin&) {
  calls_.push_back(kind == ResetKind::kRestart ? "Restart" : "Factory");
  return failure_;
}

}  // namespace fieldgate::cloud_link
