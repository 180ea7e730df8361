#include "tests/fault/sweep.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "tests/fault/database_snapshot.h"
#include "tests/fault/delivery_checker.h"
#include "tests/fault/gateway_site.h"
#include "tests/fault/kill_plan.h"
#include "tests/fault/requester.h"

namespace fieldgate::fault {
namespace {

// A moment that doesn't come within this time is not waited for.
constexpr absl::Duration kMomentWithin = absl::Seconds(2);
constexpr int kCheckEvery = 40;
constexpr size_t kStoryLength = 12;

int64_t CountOf(Moment moment, const Sightings& seen) {
  switch (moment) {
    case Moment::kNow:
      return 0;
    case Moment::kConnect:
      return seen.connects;
    case Moment::kInit:
      return seen.rollouts + seen.inits;
    case Moment::kData:
      return seen.data;
    case Moment::kAcknowledge:
      return seen.acknowledged;
    case Moment::kRequest:
      return seen.requests;
    case Moment::kAnswer:
      return seen.answers;
  }
  return 0;
}

std::string ConnectorName(int connector) {
  return connector == 1 ? "CloudConn" : absl::StrCat("CloudConn", connector);
}

class Episode {
 public:
  Episode(uint64_t seed, std::unique_ptr<GatewaySite> site, KillPlan plan, EpisodeResult& result)
      : site_(std::move(site)),
        plan_(std::move(plan)),
        result_(result),
        requester_(std::make_unique<Requester>(*site_, seed)) {
    const absl::StatusOr<int64_t> revision = ReadRevision(site_->state_dir());
    revision_ = revision.value_or(0);
    Expect(revision.ok(), revision.status().ToString());
  }

  ~Episode() {
    result_.messages = site_->checker().messages();
    result_.redeliveries = site_->checker().redeliveries();
    result_.requests = requester_->sent();
    result_.refused = site_->checker().seen().refused;
    if (!result_.problems.empty()) {
      result_.story =
          absl::StrCat(absl::StrJoin(story_, "\n"), "\n---- the portal is ",
                       site_->portal().connected() ? "" : "not ", "connected; ",
                       site_->portal().health().ToString(), "\n----\n", site_->Output());
    }
  }

  void Run(int kills, const std::atomic<bool>& stop) {
    while (result_.kills < kills && result_.problems.empty() && !stop) {
      const bool check = (result_.kills + 1) % kCheckEvery == 0 || result_.kills + 1 == kills;
      if (check) {
        Check();
      } else {
        Step(plan_.Next());
      }
    }
  }

 private:
  bool Expect(bool condition, const std::string& problem) {
    if (!condition) result_.problems.push_back(problem);
    return condition;
  }
  void Tell(std::string line) {
    story_.push_back(absl::StrCat(absl::FormatTime("%H:%M:%E3S ", absl::Now(), absl::UTCTimeZone()),
                                  std::move(line)));
    if (story_.size() > kStoryLength) story_.pop_front();
  }

  void Step(const Kill& kill) {
    const int64_t before = CountOf(kill.moment, site_->checker().seen());
    if (kill.moment != Moment::kNow &&
        !site_->checker().Await(kMomentWithin, [&](const Sightings& seen) {
          return CountOf(kill.moment, seen) >= before + kill.times;
        })) {
      ++result_.missed_moments;
    }
    absl::SleepFor(kill.pause);
    Tell(kill.ToString());
    site_->KillVictim(kill.victim);
    ++result_.kills;
    ++result_.victims[std::string(Name(kill.victim))];
    const bool at_rest = !plan_.options().supervised &&
                         (kill.victim == Victim::kCloudLink || kill.victim == Victim::kAll);
    if (at_rest) TakeOutbox();
    absl::SleepFor(kill.down);
    const absl::Status started = site_->StartAgain(kill.victim);
    Expect(started.ok(), started.ToString());
    TakeProblems();
  }

  void TakeProblems() {
    for (const std::string& problem : site_->checker().problems()) {
      result_.problems.push_back(problem);
    }
  }

  // What was accepted so far must arrive; cloud_link is dead.
  void TakeOutbox() {
    const absl::StatusOr<OutboxSnapshot> outbox = ReadOutbox(site_->state_dir());
    if (!Expect(outbox.ok(), absl::StrCat("cloud_link.db: ", outbox.status().ToString()))) return;
    Expect(outbox->losses == 0, absl::StrCat(outbox->losses, " loss records"));
    for (int i = 1; i <= kConnectors; ++i) {
      const std::string topic = DataTopic(i);
      const auto found = outbox->streams.find(ConnectorName(i));
      if (!Expect(found != outbox->streams.end(), "a connector is gone from cloud_link.db")) return;
      const int64_t last = found->second.next_message_id - 1;
      int64_t& accepted = accepted_[topic];
      Expect(found->second.dropped == 0, absl::StrCat(topic, ": messages were dropped"));
      Expect(last >= accepted,
             absl::StrCat(topic, ": message_id fell back from ", accepted, " to ", last));
      const int64_t sent = site_->checker().HighestId(topic);
      Expect(last >= sent, absl::StrCat(topic, ": message_id ", sent,
                                        " was sent, but only those up to ", last, " are stored"));
      accepted = std::max(accepted, last);
    }
    for (const auto& [topic, messages] : outbox->waiting) {
      for (const auto& [id, timestamp] : messages) timestamps_[topic][id] = timestamp;
    }
  }

  template <typename Condition>
  bool Becomes(Condition condition, const std::string& problem) {
    return Expect(Eventually(kPatience, condition),
                  absl::StrCat(problem, " within ", absl::FormatDuration(kPatience)));
  }

  // Brings all to rest, sees what was accepted, and waits until it has arrived.
  void Check() {
    Tell("check");
    requester_->Pause();
    if (!Becomes([this] { return requester_->AllAnswered(); }, "not all requests are answered")) {
      return;
    }
    site_->KillEverything();
    ++result_.kills;
    ++result_.victims["everything"];
    TakeOutbox();
    const absl::StatusOr<LogSnapshot> logs = ReadLogs(site_->state_dir());
    const absl::StatusOr<int64_t> revision = ReadRevision(site_->state_dir());
    Expect(logs.ok(), absl::StrCat("logs.db: ", logs.status().ToString()));
    Expect(revision.ok(), absl::StrCat("config.db: ", revision.status().ToString()));
    const absl::Status started =
        site_->StartAgain(plan_.options().supervised ? Victim::kSupervisor : Victim::kAll);
    Expect(started.ok(), started.ToString());
    if (!result_.problems.empty()) return;

    for (const auto& [topic, last] : accepted_) {
      if (!Becomes([&] { return site_->checker().AcknowledgedUntil(topic) >= last; },
                   absl::StrCat(topic, ": not all messages up to ", last, " arrive"))) {
        return;
      }
    }
    CheckLog(*logs, "Fast", "LogClock", 1);
    CheckLog(*logs, "Fast", "LogClock", 2);
    CheckLog(*logs, "Commands", "Cmd", 1);
    if (!result_.problems.empty()) return;
    const auto commands = static_cast<int64_t>(logs->at("Commands").size());
    std::vector<Reading> recorded = site_->checker().Readings(DataTopic(1), "Cmd");
    recorded.resize(static_cast<size_t>(commands));
    for (std::string& problem : requester_->Check(recorded, *revision - revision_)) {
      Expect(false, std::move(problem));
    }
    CheckTimestamps();
    CheckClock("Clock", /*strictly=*/false);
    CheckClock("LogClock", /*strictly=*/true);
    CheckPortal();
    TakeProblems();
    requester_->Resume();
  }

  void CheckLog(const LogSnapshot& logs, const std::string& log, const std::string& sensor,
                int connector) {
    const std::string topic = DataTopic(connector);
    const auto found = logs.find(log);
    if (!Expect(found != logs.end(), absl::StrCat("logs.db has no ", log))) return;
    const std::vector<int64_t>& records = found->second;
    std::vector<Reading> readings;
    if (!Becomes(
            [&] {
              readings = site_->checker().Readings(topic, sensor);
              return readings.size() >= records.size();
            },
            absl::StrCat(topic, ": not all ", records.size(), " records of ", log, " arrive"))) {
      return;
    }
    for (size_t i = 0; i < records.size(); ++i) {
      if (readings[i].timestamp == records[i]) continue;
      Expect(false, absl::StrCat(topic, ": record ", i + 1, " of ", log, " is of ", records[i],
                                 ", what arrived in its place is message ", readings[i].message_id,
                                 " of ", readings[i].timestamp));
      return;
    }
    result_.records = std::max(result_.records, static_cast<int64_t>(records.size()));
  }

  // What was sent is what was stored.
  void CheckTimestamps() {
    for (const auto& [topic, messages] : timestamps_) {
      for (const auto& [id, timestamp] : messages) {
        const int64_t sent = site_->checker().TimestampOf(topic, id);
        Expect(sent == timestamp, absl::StrCat(topic, ": message ", id, " was stored with ",
                                               timestamp, " and sent with ", sent));
      }
    }
    timestamps_.clear();
  }

  // The device's clock never goes back; a log holds each of its values once.
  void CheckClock(const std::string& sensor, bool strictly) {
    for (int i = 1; i <= kConnectors; ++i) {
      const std::string topic = DataTopic(i);
      int64_t last = 0;
      for (const Reading& reading : site_->checker().Readings(topic, sensor)) {
        if (reading.state != 1) continue;  // not read at that time
        int64_t value = -1;
        const bool number = absl::SimpleAtoi(reading.value, &value);
        Expect(number && value >= last + (strictly && last != 0 ? 1 : 0),
               absl::StrCat(topic, ": ", sensor, " is ", reading.value, " in message ",
                            reading.message_id, " after ", last));
        last = value;
      }
      Expect(strictly || last > 0, absl::StrCat(topic, ": ", sensor, " was never valid"));
    }
  }

  // The other end of the way, with a broker that lives.
  void CheckPortal() {
    portal::PortalStats stats = site_->portal().Snapshot();
    for (const std::string& error : stats.errors) Expect(false, "portal: " + error);
    for (int i = 1; i <= kConnectors; ++i) {
      const portal::StreamStats* stream = stats.Stream(GatewayOf(i));
      if (!Expect(stream != nullptr, "the portal knows no " + GatewayOf(i))) continue;
      const int64_t wrong = stream->out_of_order + stream->conflicts + stream->unreadable +
                            stream->unknown_sensors +
                            (plan_.options().broker_dies ? 0 : stream->missing);
      Expect(wrong == 0, absl::StrCat("portal: ", absl::StrJoin(stream->errors, "; ")));
      // A broker that was killed took with it what it had acknowledged.
      const int64_t last = accepted_[DataTopic(i)];
      if (plan_.options().broker_dies) continue;
      Becomes(
          [&] {
            stats = site_->portal().Snapshot();
            return stats.Stream(GatewayOf(i))->last_id >= last;
          },
          absl::StrCat("the portal has not all of ", GatewayOf(i)));
    }
  }

  const std::unique_ptr<GatewaySite> site_;
  KillPlan plan_;
  EpisodeResult& result_;
  int64_t revision_ = 0;                                          // of the beginning
  std::map<std::string, int64_t> accepted_;                       // topic -> last message_id
  std::map<std::string, std::map<int64_t, int64_t>> timestamps_;  // not compared yet
  std::deque<std::string> story_;
  const std::unique_ptr<Requester> requester_;  // last: it uses the site
};

}  // namespace

uint64_t EpisodeSeed(uint64_t sweep_seed, int episode) {
  return sweep_seed * 1'000'003 + static_cast<uint64_t>(episode);
}

EpisodeResult RunEpisode(uint64_t seed, int kills, const std::atomic<bool>& stop) {
  EpisodeResult result;
  KillPlan plan(seed);
  absl::StatusOr<std::unique_ptr<GatewaySite>> site = GatewaySite::Start(plan.options());
  if (!site.ok()) {
    result.problems.push_back(site.status().ToString());
    return result;
  }
  Episode episode(seed, *std::move(site), std::move(plan), result);
  episode.Run(kills, stop);
  return result;
}

}  // namespace fieldgate::fault
