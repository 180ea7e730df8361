#include "tests/fault/requester.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/tixml/codec.h"
#include "tests/system/gateway_config.h"

namespace fieldgate::fault {
namespace {

constexpr size_t kMaxOpen = 4;
constexpr absl::Duration kBetween = absl::Milliseconds(30);
constexpr absl::Duration kAgainAfter = absl::Milliseconds(400);

// One of the same data points in one of two orders: another layout of the data,
// and another init.
std::string OtherOrder(int64_t number) {
  const std::string a =
      absl::StrCat("<A _=\"/Process/PV/A\" meta_type=\"custom\" meta_unit=\"", number, "\"/>");
  const std::string b = "<B _=\"/Process/PV/B\" meta_type=\"custom\"/>";
  return absl::StrCat("<SetConfig _=\"ISP/CloudConn\"><Realtime3>", number % 2 == 0 ? a + b : b + a,
                      "</Realtime3></SetConfig>");
}

}  // namespace

Requester::Requester(GatewaySite& site, uint64_t seed)
    : site_(site), random_(seed), thread_([this] { Run(); }) {}

Requester::~Requester() {
  stop_ = true;
  thread_.join();
}

void Requester::Pause() { paused_ = true; }
void Requester::Resume() { paused_ = false; }

bool Requester::AllAnswered() const {
  const std::lock_guard lock(mutex_);
  return open_.empty();
}

Requester::Request Requester::Make() {
  Request request;
  request.number = ++sent_;
  request.connector = 1 + static_cast<int>(random_() % kConnectors);
  const auto kind = static_cast<int>(random_() % 100);
  std::string commands;
  if (kind < 50) {
    request.kind = Kind::kRecord;
    commands = absl::StrCat("<Set _=\"/Process/PV/Cmd\" value=\"", request.number,
                            "\"/><RecordLog _=\"Commands\"/>");
  } else if (kind < 75) {
    request.kind = Kind::kConfigure;
    request.command.kind = portal::CommandKind::kConfig;
    commands = kind < 68 ? absl::StrCat("<SetConfig _=\"USER\"><Number _=\"", request.number,
                                        "\"/></SetConfig>")
                         : OtherOrder(request.number);
  } else if (kind < 98) {
    request.kind = Kind::kRead;
    if (kind < 85) {
      request.command.kind = portal::CommandKind::kState;
      request.command.path = "/Process/PV/";
    } else {
      commands = kind < 92 ? "<CloudSendLogData/>" : "<CloudSendRealtimeData/>";
    }
  } else {
    request.kind = Kind::kReset;
    commands = "<Reset _=\"Secretfile\"/>";
  }
  request.command.request_id = absl::StrCat("r", request.number);
  request.command.serial_number = system_test::kSerialNumber;
  if (!commands.empty()) request.command.commands = tixml::Parse(commands)->nodes;
  return request;
}

void Requester::Run() {
  while (!stop_) {
    absl::SleepFor(kBetween);
    std::vector<Request> due;
    {
      const std::lock_guard lock(mutex_);
      const absl::Time now = absl::Now();
      for (auto it = open_.begin(); it != open_.end();) {
        if (site_.checker().IsAnswered(it->first)) {
          done_.insert(*it);
          it = open_.erase(it);
        } else {
          ++it;
        }
      }
      if (!paused_ && open_.size() < kMaxOpen) {
        Request request = Make();
        request.send_at = now;
        const std::string id = request.command.request_id;
        open_.emplace(id, std::move(request));
      }
      for (auto& [id, request] : open_) {
        if (request.send_at > now) continue;
        request.send_at = now + kAgainAfter;
        due.push_back(request);
      }
    }
    for (const Request& request : due) {
      // What does not arrive is sent again.
      site_.portal().SendCommand(GatewayOf(request.connector), request.command).IgnoreError();
    }
  }
}

std::vector<std::string> Requester::Check(const std::vector<Reading>& recorded,
                                          int64_t revisions) const {
  std::vector<std::string> problems;
  std::map<int64_t, int> executed;
  for (const Reading& reading : recorded) {
    int64_t number = -1;
    if (!absl::SimpleAtoi(reading.value, &number)) {
      problems.push_back(absl::StrCat("Commands has the record ", reading.value));
    }
    ++executed[number];
  }
  const std::map<std::string, Answer> answers = site_.checker().answers();
  const std::lock_guard lock(mutex_);
  int64_t configured = 0;
  int64_t perhaps = 0;
  for (const auto& [id, request] : done_) {
    const auto found = answers.find(id);
    if (found == answers.end()) {
      problems.push_back(absl::StrCat("request ", id, " has no answer"));
      continue;
    }
    const Answer& answer = found->second;
    if (!answer.acknowledged) {
      problems.push_back(absl::StrCat("the broker never took the answer of ", id));
    }
    const bool succeeded = answer.error_code == 0 && !absl::StrContains(answer.body, "Error");
    if (request.kind == Kind::kRecord) {
      const int times = executed[request.number];
      if (times > 1 || (succeeded && times != 1)) {
        problems.push_back(absl::StrCat("request ", id, " was executed ", times,
                                        " times; its answer: ", answer.body));
      }
    }
    if (request.kind == Kind::kConfigure) ++(succeeded ? configured : perhaps);
  }
  if (revisions < configured || revisions > configured + perhaps) {
    problems.push_back(absl::StrCat(configured, " SetConfigs succeeded and ", perhaps,
                                    " failed or were interrupted, but there are ", revisions,
                                    " revisions more"));
  }
  return problems;
}

}  // namespace fieldgate::fault
