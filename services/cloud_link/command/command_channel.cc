#include "services/cloud_link/command/command_channel.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/status.h"
#include "common/tixml/error.h"
#include "common/tixml/limits.h"
#include "services/cloud_link/payload/guess_format.h"

namespace fieldgate::cloud_link {
namespace {

// What is kept of a request that is too large: enough to see its format and,
// if it comes first as in the manual's bodies, its request_id.
constexpr size_t kBeginning = 1024;
// A full disk is tried again after this.
constexpr absl::Duration kRetryAfter = absl::Seconds(1);
// Answers that wait for the disk: those of accepted requests, and as many
// refusals.
constexpr size_t kMaxUnstored = 2 * kMaxRequests;

tixml::Node ErrorNode(int number, absl::string_view why) {
  return tixml::ErrorNode({.number = number, .detail = why, .class_name = "Request"},
                          tixml::Verbosity::kShort);
}

int64_t RefusedBytes(const std::string& body) {
  return static_cast<int64_t>(body.size()) + kRefusalBytes;
}

}  // namespace

CommandChannel::CommandChannel(Config config, RequestLog& log, Outbox& outbox, Host& host,
                               std::atomic<int>& waiting)
    : config_(std::move(config)), log_(log), outbox_(outbox), host_(host), waiting_(waiting) {}

std::optional<CommandChannel::Incoming> CommandChannel::Accept(std::string topic,
                                                               std::string body) {
  Incoming incoming{std::move(topic), std::move(body), 0, absl::OkStatus()};
  const auto refuse = [&](absl::Status why) -> std::optional<Incoming> {
    const int64_t bytes = RefusedBytes(incoming.body);
    if ((refused_bytes_ += bytes) > kMaxRefusedBytes) {
      refused_bytes_ -= bytes;
      return std::nullopt;
    }
    incoming.refused = std::move(why);
    return std::move(incoming);
  };
  if (incoming.body.size() > tixml::kMaxBytes) {
    incoming.body.resize(kBeginning);
    return refuse(absl::ResourceExhaustedError(
        absl::StrCat("a request has at most ", tixml::kMaxBytes, " bytes")));
  }
  if (++waiting_ > kMaxRequests) {
    --waiting_;
    return refuse(absl::AbortedError(
        absl::StrCat(kMaxRequests, " requests are waiting already; send it again later")));
  }
  absl::StatusOr<RequestNumber> number = log_.Accept(incoming.topic, incoming.body);
  if (number.ok()) {
    incoming.number = *number;
    return incoming;
  }
  --waiting_;
  log::Error("a request can't be stored",
             {{"topic", incoming.topic}, {"why", number.status().ToString()}});
  return refuse(absl::AbortedError("the request can't be stored now; send it again later"));
}

absl::Status CommandChannel::Recover(MonotonicTime now) {
  absl::StatusOr<std::vector<LoggedRequest>> requests = log_.Unanswered();
  if (!requests.ok()) return Annotate(requests.status(), "requests of before can't be read");
  for (LoggedRequest& logged : *requests) {
    ++waiting_;
    if (!logged.begun) {
      OnRequest({std::move(logged.topic), std::move(logged.body), logged.number, {}}, now);
      continue;
    }
    const RequestKind kind = RequestKindOf(logged.topic).value_or(RequestKind::kCmd);
    const Request request = ParseRequest(kind, logged.body);
    if (!logged.held.empty()) {
      absl::StatusOr<HeldAnswer> held = ParseHeldAnswer(logged.held);
      if (held.ok()) {
        held_.emplace(
            logged.number,
            Waiting{{kind, request.format, logged.topic, request.request_id}, *std::move(held)});
        continue;
      }
      log::Error("a held answer can't be read",
                 {{"connector", connector()}, {"why", held.status().ToString()}});
    }
    Reply(logged.number, {kind, request.format, logged.topic, request.request_id},
          AnswerCode::kFailed,
          {ErrorNode(tixml::kInternal,
                     "interrupted: the gateway was restarted while it executed this; it may be "
                     "done in part and is not executed again")},
          /*remember=*/true, now);
  }
  return absl::OkStatus();
}

void CommandChannel::OnRequest(Incoming incoming, MonotonicTime now) {
  if (!incoming.refused.ok()) refused_bytes_ -= RefusedBytes(incoming.body);
  const RequestKind kind = RequestKindOf(incoming.topic).value_or(RequestKind::kCmd);
  if (absl::IsResourceExhausted(incoming.refused)) {
    return Refuse(0,
                  {kind, GuessFormat(incoming.body), incoming.topic, GuessRequestId(incoming.body)},
                  AnswerCode::kTooLarge, tixml::kTooLarge, incoming.refused.message(), now);
  }
  Request request = ParseRequest(kind, incoming.body);
  Pending pending{kind, request.format, std::move(incoming.topic), request.request_id};
  const auto refuse = [&](AnswerCode code, int error_number, absl::string_view why) {
    Refuse(incoming.number, pending, code, error_number, why, now);
  };
  if (!request.valid.ok()) {
    const bool large = absl::IsResourceExhausted(request.valid);
    return refuse(large ? AnswerCode::kTooLarge : AnswerCode::kFailed, request.error_number,
                  request.valid.message());
  }
  if (request.serial_number != config_.serial_number) {
    return refuse(AnswerCode::kNotOurs, tixml::kInvalidValue,
                  absl::StrCat("serial_number ", request.serial_number,
                               " is not this device's; nothing was executed"));
  }
  const std::string key = KeyOf(pending);
  if (!key.empty()) {
    // Delivered twice; the answer to the first one is still to come.
    if (IsPending(key)) return Enqueue({incoming.number, "", "", ""}, now);
    absl::StatusOr<std::optional<LoggedAnswer>> known = log_.Find(key);
    if (!known.ok()) {
      return refuse(AnswerCode::kNotNow, tixml::kBusy, "the requests of before can't be read now");
    }
    if (known->has_value() && (*known)->dropped) {
      return refuse(AnswerCode::kFailed, tixml::kInternal,
                    "this request was executed before; its answer is not kept any more");
    }
    if (known->has_value()) {
      return Enqueue({incoming.number, "", (*known)->topic, std::move((*known)->body)}, now);
    }
  }
  if (!incoming.refused.ok()) {
    return refuse(AnswerCode::kNotNow, tixml::kBusy, incoming.refused.message());
  }
  pending_.emplace(incoming.number, pending);
  if (host_.ExecuteRequest(*this, incoming.number, std::move(request.commands))) return;
  pending_.erase(incoming.number);
  refuse(AnswerCode::kNotNow, tixml::kBusy, "too many commands are waiting; send it again later");
}

void CommandChannel::OnExecuted(RequestNumber number, const absl::Status& begun,
                                const Interpreter::Result& result, MonotonicTime now) {
  const auto found = pending_.find(number);
  if (found == pending_.end()) return;
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  if (!begun.ok()) {
    log::Error("a request can't be begun", {{"connector", connector()}, {"why", begun.ToString()}});
    return Refuse(number, pending, AnswerCode::kNotNow, tixml::kBusy,
                  "the request can't be stored now; send it again later", now);
  }
  const AnswerCode code = CodeOf(result);
  log::Info("request of the portal",
            {{"connector", connector()},
             {"topic", pending.topic},
             {"request_id", pending.request_id},
             {"error_code", absl::StrCat(static_cast<int>(code))},
             {"on_probation", result.on_probation.empty() ? "no" : "yes"},
             {"why", result.problems.empty() ? "" : result.problems.front()}});
  if (!result.on_probation.empty()) {
    held_.emplace(number, Waiting{pending, Held(result)});
    return OnVerdicts(now);
  }
  Reply(number, pending, code, result.answers, /*remember=*/true, now);
}

void CommandChannel::Hold(RequestNumber number, const Interpreter::Result& result) {
  if (result.on_probation.empty()) return;
  if (absl::Status s = log_.Hold(number, Serialize(Held(result))); !s.ok()) {
    // It is answered all the same, unless this process dies before.
    log::Error("an answer on probation can't be stored", {{"why", s.ToString()}});
  }
}

void CommandChannel::OnVerdicts(MonotonicTime now) {
  const auto verdict_on = [this](int64_t revision) {
    return host_.VerdictOn(connector(), revision);
  };
  for (auto it = held_.begin(); it != held_.end();) {
    if (!Conclude(verdict_on, it->second.answer)) {
      ++it;
      continue;
    }
    const RequestNumber number = it->first;
    const Waiting waiting = std::move(it->second);
    it = held_.erase(it);
    log::Info("request of the portal answered after its probation",
              {{"connector", connector()},
               {"request_id", waiting.pending.request_id},
               {"error_code", absl::StrCat(static_cast<int>(waiting.answer.code))}});
    Reply(number, waiting.pending, waiting.answer.code, waiting.answer.answers,
          /*remember=*/true, now);
  }
}

std::string CommandChannel::KeyOf(const Pending& pending) {
  // A portal may number the requests of each topic apart.
  return pending.request_id.empty()
             ? ""
             : absl::StrCat(RequestName(pending.kind), "/", pending.request_id);
}

bool CommandChannel::IsPending(const std::string& key) const {
  return std::any_of(pending_.begin(), pending_.end(),
                     [&](const auto& entry) { return KeyOf(entry.second) == key; }) ||
         std::any_of(held_.begin(), held_.end(),
                     [&](const auto& entry) { return KeyOf(entry.second.pending) == key; }) ||
         std::any_of(unstored_.begin(), unstored_.end(),
                     [&](const Answer& answer) { return answer.key == key; });
}

void CommandChannel::Refuse(RequestNumber number, const Pending& pending, AnswerCode code,
                            int error_number, absl::string_view why, MonotonicTime now) {
  log::Warning("request of the portal refused",
               {{"connector", connector()},
                {"topic", pending.topic},
                {"request_id", pending.request_id},
                {"error_code", absl::StrCat(static_cast<int>(code))},
                {"why", std::string(why)}});
  Reply(number, pending, code, {ErrorNode(error_number, why)}, /*remember=*/false, now);
}

void CommandChannel::Reply(RequestNumber number, const Pending& pending, AnswerCode code,
                           const std::vector<tixml::Node>& answers, bool remember,
                           MonotonicTime now) {
  const auto body = [&](AnswerCode c, const std::vector<tixml::Node>& nodes) {
    return AnswerBody(pending.kind, pending.format, c, pending.request_id, nodes,
                      config_.tixml_braces);
  };
  Answer answer{number, remember ? KeyOf(pending) : "", absl::StrCat(pending.topic, "Result"),
                body(code, answers)};
  if (answer.body.size() > kMaxAnswer) {
    answer.body = body(AnswerCode::kTooLarge,
                       {ErrorNode(tixml::kTooLarge,
                                  absl::StrCat("the commands were executed, but their answer has ",
                                               answer.body.size(), " bytes; at most ", kMaxAnswer,
                                               ": ask for less at a time"))});
  }
  Enqueue(std::move(answer), now);
}

void CommandChannel::Enqueue(Answer answer, MonotonicTime now) {
  if (answer.number == 0 && unstored_.size() >= kMaxUnstored) {
    log::Error("an answer was dropped: too many wait for the disk", {{"connector", connector()}});
    return;
  }
  unstored_.push_back(std::move(answer));
  if (retry_at_ == MonotonicTime::Never()) retry_at_ = now;
  Settle(now);
}

void CommandChannel::Settle(MonotonicTime now) {
  if (now < retry_at_) return;
  while (!unstored_.empty()) {
    std::optional<StoredEntry> stored;
    if (absl::Status s = Store(unstored_.front(), stored); !s.ok()) {
      outbox_.Rollback();
      if (!disk_failed_) {
        log::Error("an answer can't be stored",
                   {{"connector", connector()}, {"why", s.ToString()}});
      }
      disk_failed_ = true;
      retry_at_ = now + kRetryAfter;
      return;
    }
    disk_failed_ = false;
    if (unstored_.front().number != 0) --waiting_;
    unstored_.pop_front();
    if (stored.has_value()) host_.OnAnswerStored(connector(), *std::move(stored));
  }
  retry_at_ = MonotonicTime::Never();
}

absl::Status CommandChannel::Store(const Answer& answer, std::optional<StoredEntry>& stored) {
  if (absl::Status s = outbox_.Begin(); !s.ok()) return s;
  if (!answer.topic.empty()) {
    // Somebody waits for it: at least once, whatever data are sent with.
    StoredEntry out;
    out.entry.lane = Lane::kResult;
    out.entry.topic = answer.topic;
    out.entry.qos = static_cast<int>(Qos::kAtLeastOnce);
    out.entry.content = answer.body;
    absl::StatusOr<EntryId> id = outbox_.Append(out.entry);
    // Too many results wait: the loss is recorded, but the log has the answer.
    if (!id.ok() && !absl::IsResourceExhausted(id.status())) return id.status();
    if (id.ok()) {
      out.id = *id;
      stored = std::move(out);
    }
  }
  if (answer.number != 0) {
    const absl::Status s =
        log_.Answer(answer.number, answer.key, {answer.topic, answer.body, false});
    if (!s.ok()) return s;
  }
  return outbox_.Commit();
}

}  // namespace fieldgate::cloud_link
