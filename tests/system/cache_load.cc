#include "tests/system/cache_load.h"

#include <algorithm>
#include <boost/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "tests/simulators/portal/messages.h"

namespace fieldgate::system_test {
namespace {

namespace json = boost::json;

constexpr int kTexts = 5;

int64_t Number(const json::object& object, const char* name) {
  const json::value& value = object.at(name);
  return value.is_null() ? 0 : value.to_number<int64_t>();
}

// 0: it is not there.
int64_t Number(const tixml::Node& node, const char* name) {
  int64_t number = 0;
  const std::string* text = node.Find(name);
  EXPECT_TRUE(text == nullptr || absl::SimpleAtoi(*text, &number)) << *text;
  return number;
}

void CollectLosses(const tixml::Node& node, std::vector<NamedLoss>& losses) {
  if (node.name == "Loss") {
    losses.push_back({Number(node, "number"), Number(node, "count"), Number(node, "first_id"),
                      Number(node, "last_id"), *node.Find("reason"), true});
  }
  for (const tixml::Node& child : node.children) CollectLosses(child, losses);
}

}  // namespace

void Received::OnMessage(const std::string& topic, const std::string& body) {
  const std::lock_guard lock(mutex_);
  if (absl::EndsWith(topic, "/data")) {
    const absl::StatusOr<portal::DataMessage> message = portal::ParseDataMessage(body);
    if (message.ok()) data_[message->message_id] = message->timestamp;
  } else if (absl::EndsWith(topic, "/stateResult") && absl::StrContains(body, "loss_") &&
             std::find(loss_messages_.begin(), loss_messages_.end(), body) ==
                 loss_messages_.end()) {
    loss_messages_.push_back(body);
  }
}

std::map<int64_t, int64_t> Received::data() const {
  const std::lock_guard lock(mutex_);
  return data_;
}

std::vector<std::string> Received::loss_messages() const {
  const std::lock_guard lock(mutex_);
  return loss_messages_;
}

std::vector<NamedLoss> ListLosses(GatewayHarness& harness) {
  const Outcome outcome = harness.Run("losses", {"--json", "--count=1000", "CloudConn"});
  EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
  std::vector<NamedLoss> losses;
  if (outcome.exit_status != 0) return losses;
  const json::value all = json::parse(outcome.output);
  for (const json::value& value : all.at(0).at("losses").as_array()) {
    const json::object& loss = value.as_object();
    losses.push_back({Number(loss, "number"), Number(loss, "count"),
                      Number(loss, "first_message_id"), Number(loss, "last_message_id"),
                      std::string(loss.at("reason").as_string()), loss.at("reported").as_bool()});
  }
  std::reverse(losses.begin(), losses.end());
  return losses;
}

std::vector<NamedLoss> ReadLossMessage(const std::string& body) {
  std::vector<NamedLoss> losses;
  const absl::StatusOr<tixml::Document> document = tixml::Parse(body, {"stateResult"});
  EXPECT_TRUE(document.ok()) << body;
  if (!document.ok()) return losses;
  for (const tixml::Node& node : document->nodes) CollectLosses(node, losses);
  return losses;
}

std::vector<int64_t> MissingIds(const std::map<int64_t, int64_t>& data) {
  std::vector<int64_t> missing;
  int64_t next = 1;
  for (const auto& [id, timestamp] : data) {
    for (; next < id; ++next) missing.push_back(next);
    next = id + 1;
  }
  return missing;
}

std::vector<int64_t> IdsOf(const std::vector<NamedLoss>& losses) {
  std::vector<int64_t> ids;
  for (const NamedLoss& loss : losses) {
    for (int64_t id = loss.first_id; id != 0 && id <= loss.last_id; ++id) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string Execute(GatewayHarness& harness, const std::string& commands) {
  const Outcome outcome = harness.Run("tixml", {absl::StrCat("[", commands, "]")});
  EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
  return outcome.output;
}

void AddBulk(GatewayHarness& harness) {
  std::string variables, points;
  for (int i = 1; i <= kTexts; ++i) {
    absl::StrAppend(&variables, "<Bulk", i, " value=\"", std::string(4'000, 'x'), "\"/>");
    absl::StrAppend(&points, "<Bulk", i, " _=\"/Process/PV/Bulk", i, "\" meta_type=\"custom\"/>");
  }
  Execute(harness, absl::StrCat("<SetConfig _=\"PROCCFG/ProcessVars\" ver=\"y\">", variables,
                                "</SetConfig><SetConfig _=\"ISP/CloudConn\" ver=\"y\">"
                                "<RTSendTime3 _=\"1000000\"/><Realtime3>",
                                points, "</Realtime3></SetConfig>"));
  EXPECT_TRUE(
      Eventually(kPatience, [&] { return harness.Data().Find("Process_PV", "Bulk1") != nullptr; }));
}

void SendBulk(GatewayHarness& harness, int count) {
  std::string commands;
  for (int i = 0; i < count; ++i) commands += "<CloudSendRealtimeData _=\"CloudConn,Realtime3\"/>";
  Execute(harness, commands);
}

std::string StatusMember(GatewayHarness& harness, const std::string& name) {
  boost::system::error_code error;
  const json::value status = json::parse(harness.Run("status", {"--json"}).output, error);
  if (error || !status.at("connectors").is_array()) return "";
  const json::value& member = status.at("connectors").at(0).at(name);
  return member.is_string() ? std::string(member.as_string()) : json::serialize(member);
}

}  // namespace fieldgate::system_test
