#include "tests/simulation/portal_model.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace fieldgate::simulation {

using cloud_link::Qos;
using portal::CommandKind;
using portal::CommandTopic;

namespace {

constexpr int64_t kNotNow = 409;

std::string KeyOf(CommandKind kind, const std::string& connector, const std::string& request_id) {
  return absl::StrCat(connector, "/", CommandTopic(kind), "/", request_id);
}

}  // namespace

PortalModel::PortalModel(Scheduler& scheduler, Trace& trace, Random random)
    : scheduler_(scheduler), trace_(trace), random_(random) {}

void PortalModel::AddConnector(const std::string& name, const std::string& client_id,
                               const std::string& customer_id, const std::string& gateway_id) {
  Connector& connector = connectors_[name];
  connector.name = name;
  connector.customer_id = customer_id;
  connector.gateway_id = gateway_id;
  connector.ledger = std::make_unique<Ledger>(name, trace_);
  by_client_id_[client_id] = name;
  by_topic_[absl::StrCat(customer_id, "/fp/", gateway_id, "/")] = name;
}

void PortalModel::OnArrival(const Broker::Arrival& arrival) {
  const std::string& topic = arrival.message.topic;
  const std::string& body = arrival.message.payload;
  if (topic == "fp/gatewayRollout") return OnRollout(arrival);
  const size_t last = topic.rfind('/');
  const std::string base = topic.substr(0, last + 1);
  const std::string level = topic.substr(last + 1);
  const auto named = by_topic_.find(base);
  if (named == by_topic_.end()) {
    return trace_.Fail("a message on the topic ", topic, ", which belongs to nobody");
  }
  Connector& connector = connectors_.at(named->second);
  if (level == "gatewayInit") return OnInit(connector, body);
  if (level == "data") return OnData(connector, body);
  for (const CommandKind kind : {CommandKind::kCmd, CommandKind::kConfig, CommandKind::kState}) {
    if (level == absl::StrCat(CommandTopic(kind), "Result")) {
      return OnResult(connector, kind, topic, body);
    }
  }
  trace_.Fail("a message on the topic ", topic);
}

void PortalModel::Answer(const std::string& topic, const std::string& right,
                         const std::string& wrong_code, const std::string& wrong_id) {
  absl::Duration later = random_.Between(absl::Milliseconds(1), absl::Milliseconds(300));
  std::string body = right;
  if (random_.Chance(mood.wrong)) {
    switch (random_.Below(6)) {
      case 0:
        body = wrong_code;
        break;
      case 1:
        body = wrong_id;
        break;
      case 2:
        body = "{ \"error_code\": 0, \x01";
        break;
      case 3:  // later than the gateway waits, as likely as not
        later = random_.Between(absl::Seconds(1), absl::Seconds(12));
        break;
      case 4:
        scheduler_.After(later, [this, topic, body] {
          broker_->Publish({topic, body, Qos::kAtLeastOnce, false});
        });
        later += random_.Between(absl::Milliseconds(1), absl::Seconds(5));
        break;
      default:
        return;
    }
  }
  scheduler_.After(later, [this, topic, body = std::move(body)] {
    broker_->Publish({topic, body, Qos::kAtLeastOnce, false});
  });
}

void PortalModel::OnRollout(const Broker::Arrival& arrival) {
  ++rollouts_;
  const absl::StatusOr<portal::RolloutRequest> request =
      portal::ParseRolloutRequest(arrival.message.payload);
  if (!request.ok()) return trace_.Fail("a rollout request: ", request.status().ToString());
  trace_.Note("portal", "rollout request ", request->request_id);
  absl::string_view number = request->request_id;
  int64_t n = 0;
  if (!absl::ConsumePrefix(&number, absl::StrCat(kSerial, "_")) || !absl::SimpleAtoi(number, &n) ||
      n <= last_rollout_) {
    return trace_.Fail("rollout request_id ", request->request_id, " after number ", last_rollout_);
  }
  last_rollout_ = n;
  const auto name = by_client_id_.find(arrival.client_id);
  if (name == by_client_id_.end()) return trace_.Fail("a rollout by ", arrival.client_id);
  const Connector& connector = connectors_.at(name->second);
  portal::RolloutAnswer answer;
  answer.response_id = request->request_id;
  answer.gateway_id = connector.gateway_id;
  answer.customer_id = connector.customer_id;
  answer.configuration = std::exchange(configuration, {});
  const std::string right = portal::WriteRolloutAnswer(request->format, answer);
  answer.error_code = 404;
  const std::string wrong_code = portal::WriteRolloutAnswer(request->format, answer);
  answer.error_code = 0;
  answer.response_id = "somebody_1";
  Answer(absl::StrCat("fp/gatewayRolloutResult/", kSerial), right, wrong_code,
         portal::WriteRolloutAnswer(request->format, answer));
}

void PortalModel::OnInit(const Connector& connector, const std::string& body) {
  ++inits_;
  const absl::StatusOr<portal::InitRequest> request = portal::ParseInitRequest(body);
  if (!request.ok()) return trace_.Fail("an init request: ", request.status().ToString());
  trace_.Note("portal", "init request ", request->request_id, " of ", connector.name);
  portal::InitAnswer answer;
  answer.response_id = request->request_id;
  answer.portal_version = "7";
  const std::string right = portal::WriteInitAnswer(request->format, answer);
  answer.error_code = 409;
  const std::string wrong_code = portal::WriteInitAnswer(request->format, answer);
  answer.error_code = 0;
  answer.response_id = "somebody_2";
  Answer(absl::StrCat(connector.customer_id, "/fp/", connector.gateway_id, "/gatewayInitResult"),
         right, wrong_code, portal::WriteInitAnswer(request->format, answer));
}

void PortalModel::OnData(Connector& connector, const std::string& body) {
  ++data_messages_;
  const absl::StatusOr<portal::DataMessage> message = portal::ParseDataMessage(body);
  if (!message.ok()) {
    return trace_.Fail(connector.name, ": a data message: ", message.status().ToString());
  }
  trace_.Note("portal", "data ", message->message_id, " of ", connector.name);
  const bool is_new = message->message_id > connector.last_id;
  connector.ledger->OnData(message->message_id, body);
  for (const portal::SensorValue& value : message->values) {
    if (value.sensor != "Count" || value.value.empty() || !is_new) continue;
    int64_t count = 0;
    if (!absl::SimpleAtoi(value.value, &count)) {
      return trace_.Fail(connector.name, ": a counter of '", value.value, "'");
    }
    if (count < connector.last_count) {
      trace_.Fail(connector.name, ": message ", message->message_id, " has the counter at ", count,
                  ", the one before at ", connector.last_count);
    }
    connector.last_count = count;
  }
  connector.last_id = std::max(connector.last_id, message->message_id);
}

// --- Requests -----------------------------------------------------------------------

void PortalModel::Send(Job job) {
  const std::string key = KeyOf(job.kind, job.connector, job.request_id);
  for (const std::string& mark : job.marks) jobs_by_mark_[mark] = key;
  Job& kept = jobs_[key] = std::move(job);
  Publish(kept);
  ++kept.sent;
  kept.sent_at = scheduler_.now();
}

void PortalModel::Publish(const Job& job) {
  const Connector& connector = connectors_.at(job.connector);
  trace_.Note("portal", CommandTopic(job.kind), " request ", job.request_id, " to ", job.connector);
  broker_->Publish({absl::StrCat(connector.customer_id, "/fp/", connector.gateway_id, "/",
                                 CommandTopic(job.kind)),
                    job.body, job.qos, false});
}

void PortalModel::Resend(absl::Duration older_than) {
  for (auto& [key, job] : jobs_) {
    if (!job.answers.empty() || scheduler_.now() - job.sent_at < older_than) continue;
    Publish(job);
    ++job.sent;
    job.sent_at = scheduler_.now();
  }
}

void PortalModel::OnExecuted(const std::string& mark) {
  const auto key = jobs_by_mark_.find(mark);
  if (key == jobs_by_mark_.end()) return;
  Job& job = jobs_.at(key->second);
  trace_.Note("executed", mark, " of ", job.request_id);
  if (on_executed) on_executed();
  if (job.invalid) trace_.Fail("request ", job.request_id, " is not valid and was executed");
  if (++job.executed[mark] > 1) {
    trace_.Fail("request ", job.request_id, " was executed ", job.executed[mark], " times");
  }
}

void PortalModel::OnResult(Connector& connector, CommandKind kind, const std::string& topic,
                           const std::string& body) {
  connector.ledger->OnResult(topic, body);
  const absl::StatusOr<portal::CommandResult> result = portal::ParseCommandResult(kind, body);
  if (!result.ok()) return trace_.Fail(connector.name, ": an answer: ", result.status().ToString());
  trace_.Note("portal", "answer ", result->error_code, " to ", result->response_id);
  if (absl::StartsWith(result->response_id, "loss_")) return;  // nobody asks for a loss
  const auto found = jobs_.find(KeyOf(kind, connector.name, result->response_id));
  if (found == jobs_.end()) {
    return trace_.Fail(connector.name, ": an answer to ", result->response_id,
                       ", which nobody asked");
  }
  Job& job = found->second;
  job.answers.insert(body);
  job.code = result->error_code;
  // Refused for now; it may be sent again, and is executed then.
  if (result->error_code != kNotNow) job.finals.insert(body);
  if (job.finals.size() > 1) {
    trace_.Fail("request ", job.request_id, " has two answers: ", *job.finals.begin(), " and ",
                *job.finals.rbegin());
  }
}

bool PortalModel::AllAnswered() const {
  for (const auto& [key, job] : jobs_) {
    if (job.answers.empty()) return false;
  }
  return true;
}

void PortalModel::CheckAnswers() {
  for (const auto& [key, job] : jobs_) {
    if (job.answers.empty()) {
      trace_.Fail("request ", job.request_id, " of ", job.connector, ", sent ", job.sent,
                  " times, was never answered");
    }
    if (job.code == 0 && job.executed.size() != job.marks.size()) {
      trace_.Fail("request ", job.request_id,
                  " was answered with 0 and executed in part: ", job.executed.size(), " of ",
                  job.marks.size());
    }
  }
}

}  // namespace fieldgate::simulation
