#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/cloud_link/connector_fixture.h"

namespace fieldgate::cloud_link {

inline constexpr char kLoggedPath[] = "/Process/PV/Logged";

inline config::LogSection& AddLog(config::Connector& config, const std::string& log,
                                  uint32_t period_s) {
  auto& section = *config.add_log_sections();
  section.set_number(config.log_sections_size());
  section.set_log(log);
  section.set_send_period_s(period_s);
  auto& point = *section.add_points();
  point.set_name("Logged");
  point.set_path(kLoggedPath);
  auto& type = *point.add_metadata();
  type.set_name("type");
  type.set_value("temperature");
  return section;
}

inline config::Connector WithLog(uint32_t period_s = 60) {
  config::Connector config = Config();
  AddLog(config, "Energy", period_s);
  return config;
}

inline int64_t NumberAfter(const std::string& body, absl::string_view key) {
  const size_t at = body.find(std::string(key));
  return at == std::string::npos ? -1 : std::stoll(body.substr(at + key.size()));
}

// A connector whose log section sends the log Energy: records with one value.
class ConnectorLogsTest : public ConnectorTest {
 protected:
  TestLog& log(const std::string& name = "Energy") {
    return process_.logs_.try_emplace(name, std::vector<std::string>{kLoggedPath}).first->second;
  }
  // Records with the values first .. last, a second apart from second `first` on.
  void Record(int64_t first, int64_t last, const std::string& name = "Energy") {
    for (int64_t i = first; i <= last; ++i) log(name).Record(i * 1'000'000, {i});
  }

  void CreateRunning(const config::Connector& config,
                     const std::optional<OutboxLimits>& limits = std::nullopt) {
    Create(config);
    if (limits) outbox_.SetLimits(*limits);
    AnswerInit();
    ASSERT_EQ(state(), v1::RUNNING);
  }
  // The process dies, with what it has in memory, and is started again.
  void Restart(const config::Connector& config) {
    Kill();
    Create(config);
  }
  void Kill() {
    connector_.reset();
    outbox_.Crash();
    mqtt_.Disconnect();
    reads_.clear();
  }
  void RunAgain() {
    for (int i = 0; i < 300 && state() != v1::WAIT_INIT_RESULT; ++i) Advance(absl::Seconds(1));
    AnswerInit();
  }

  // The values of records, by the message's id, as the broker has got them; one
  // message that came twice is one.
  std::map<int64_t, int64_t> Messages() const {
    std::map<int64_t, int64_t> messages;
    for (const std::string& body : DataBodies()) {
      if (!absl::StrContains(body, "\"Logged\"")) continue;
      const int64_t id = NumberAfter(body, "\"message_id\":");
      const int64_t value = NumberAfter(body, "\"Logged\",\"value\":");
      EXPECT_EQ(messages.emplace(id, value).first->second, value) << "message " << id;
    }
    return messages;
  }
  std::vector<int64_t> Sent() const {
    std::vector<int64_t> values;
    for (const auto& [id, value] : Messages()) values.push_back(value);
    return values;
  }
  static std::vector<int64_t> Numbers(int64_t first, int64_t last) {
    std::vector<int64_t> numbers;
    for (int64_t i = first; i <= last; ++i) numbers.push_back(i);
    return numbers;
  }
  int64_t SentId() const { return connector_->Status().logs(0).sent_id(); }
};

}  // namespace fieldgate::cloud_link
