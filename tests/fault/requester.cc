#include "tests/fault/requester.h"

#include <algorithm>
#include <set>
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

// The record that an answer names; 0: none.
int64_t RecordOf(absl::string_view answer) {
  constexpr absl::string_view kMark = "<RecordLog id=\"";
  const size_t at = answer.find(kMark);
  if (at == absl::string_view::npos) return 0;
  const absl::string_view rest = answer.substr(at + kMark.size());
  int64_t id = 0;
  return absl::SimpleAtoi(rest.substr(0, rest.find('"')), &id) ? id : 0;
}

// Who made a record, and whether everything of the request succeeded.
struct Recorded {
  int64_t number = 0;
  bool succeeded = false;
};

// Each record must be of one request, and no request have two. `silent`: those
// whose answer names no record (interrupted, or failed), which may have made
// one all the same. A request whose Set failed records the number of the one
// before.
void CheckRecords(const std::vector<Reading>& recorded, const std::map<int64_t, Recorded>& claims,
                  std::set<int64_t> silent, std::vector<std::string>& problems) {
  size_t unexplained = 0;
  int64_t before = 0;
  for (size_t i = 0; i < recorded.size(); ++i) {
    int64_t number = -1;
    if (!absl::SimpleAtoi(recorded[i].value, &number)) {
      problems.push_back(absl::StrCat("record ", i + 1, " of Commands is ", recorded[i].value));
    }
    const auto claim = claims.find(static_cast<int64_t>(i) + 1);
    if (claim != claims.end()) {
      const int64_t wanted = claim->second.succeeded ? claim->second.number : number;
      if (number != wanted) {
        problems.push_back(absl::StrCat("record ", i + 1, " of Commands is ", number,
                                        ", but was made by request r", wanted));
      }
    } else if (silent.erase(number) == 0) {
      ++unexplained;
      if (number != before) {
        problems.push_back(absl::StrCat("request r", number, " was executed again: record ", i + 1,
                                        " behind one of r", before));
      }
    }
    before = number;
  }
  if (unexplained > silent.size()) {
    problems.push_back(absl::StrCat(unexplained, " records of Commands too many, but only ",
                                    silent.size(), " requests that may have made one"));
  }
  if (!claims.empty() && claims.rbegin()->first > static_cast<int64_t>(recorded.size())) {
    problems.push_back(
        absl::StrCat("record ", claims.rbegin()->first, " is in an answer, but not in Commands"));
  }
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
        if (site_.checker().AnswerTaken(it->first)) {
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
  const std::map<std::string, Answer> answers = site_.checker().answers();
  const std::lock_guard lock(mutex_);
  int64_t configured = 0;
  int64_t perhaps = 0;
  std::map<int64_t, Recorded> claims;  // by the record's id
  std::set<int64_t> silent;            // numbers of requests that may have made a record
  for (const auto& [id, request] : done_) {
    const auto found = answers.find(id);
    if (found == answers.end()) {
      problems.push_back(absl::StrCat("request ", id, " has no answer"));
      continue;
    }
    const Answer& answer = found->second;
    if (request.kind == Kind::kConfigure) ++(answer.error_code == 0 ? configured : perhaps);
    if (request.kind != Kind::kRecord) continue;
    const int64_t record = RecordOf(answer.body);
    if (record == 0) {
      silent.insert(request.number);
      if (answer.error_code == 0) problems.push_back(absl::StrCat(id, ": no record in its answer"));
    } else if (!claims.insert({record, {request.number, answer.error_code == 0}}).second) {
      problems.push_back(absl::StrCat("record ", record, " is in the answers of ", id, " and r",
                                      claims.at(record).number));
    }
  }
  CheckRecords(recorded, claims, std::move(silent), problems);
  if (revisions < configured || revisions > configured + perhaps) {
    problems.push_back(absl::StrCat(configured, " SetConfigs succeeded and ", perhaps,
                                    " failed or were interrupted, but there are ", revisions,
                                    " revisions more"));
  }
  return problems;
}

}  // namespace fieldgate::fault
