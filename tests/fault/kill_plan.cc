#include "tests/fault/kill_plan.h"

#include "absl/strings/str_cat.h"

namespace fieldgate::fault {

absl::string_view Name(Victim victim) {
  switch (victim) {
    case Victim::kCloudLink:
      return "cloud_link";
    case Victim::kProcessData:
      return "process_data";
    case Victim::kConfigStore:
      return "config_store";
    case Victim::kAll:
      return "all services";
    case Victim::kSupervisor:
      return "fieldgate run";
    case Victim::kBroker:
      return "the broker";
  }
  return "";
}

absl::string_view Name(Moment moment) {
  switch (moment) {
    case Moment::kNow:
      return "the last start";
    case Moment::kConnect:
      return "connect";
    case Moment::kInit:
      return "init";
    case Moment::kData:
      return "data";
    case Moment::kAcknowledge:
      return "acknowledgement";
    case Moment::kRequest:
      return "request";
    case Moment::kAnswer:
      return "answer";
  }
  return "";
}

std::string Kill::ToString() const {
  return absl::StrCat(Name(victim), ", ", absl::FormatDuration(pause), " after ", times, " x ",
                      Name(moment), ", down for ", absl::FormatDuration(down));
}

KillPlan::KillPlan(uint64_t seed) : random_(seed) {
  options_.supervised = Chance(25);
  options_.broker_dies = Chance(40);
  options_.clean_session = Chance(70);
  options_.exactly_once = Chance(25);
}

bool KillPlan::Chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

absl::Duration KillPlan::Below(absl::Duration bound) {
  return absl::Microseconds(
      static_cast<int64_t>(random_() % static_cast<uint64_t>(absl::ToInt64Microseconds(bound))));
}

Kill KillPlan::Next() {
  Kill kill;
  const auto die = static_cast<int>(random_() % 100);
  if (options_.broker_dies && die < 6) {
    kill.victim = Victim::kBroker;
  } else if (options_.supervised && die < 45) {
    kill.victim = Victim::kSupervisor;  // which also ends the pauses of its restarts
  } else if (die < 55) {
    kill.victim = Victim::kCloudLink;
  } else if (die < 73) {
    kill.victim = Victim::kProcessData;
  } else if (die < 86) {
    kill.victim = Victim::kConfigStore;
  } else {
    kill.victim = Victim::kAll;
  }
  // cloud_link has the most moments in which something is half done.
  const auto moment = static_cast<int>(random_() % 100);
  if (moment < 25) {
    kill.moment = Moment::kNow;
    kill.pause = Below(Chance(60) ? absl::Milliseconds(150) : absl::Milliseconds(600));
  } else if (moment < 35) {
    kill.moment = Moment::kConnect;
    kill.times = 1 + static_cast<int64_t>(random_() % 3);
    kill.pause = Below(absl::Milliseconds(20));
  } else if (moment < 47) {
    kill.moment = Moment::kInit;
    kill.times = 1 + static_cast<int64_t>(random_() % 3);
    kill.pause = Below(absl::Milliseconds(10));
  } else if (moment < 65) {
    kill.moment = Moment::kData;
    kill.times = 1 + static_cast<int64_t>(random_() % 60);
    kill.pause = Below(absl::Milliseconds(Chance(50) ? 5 : 50));
  } else if (moment < 80) {
    kill.moment = Moment::kAcknowledge;
    kill.times = 1 + static_cast<int64_t>(random_() % 60);
    kill.pause = Below(absl::Milliseconds(2));
  } else if (moment < 92) {
    kill.moment = Moment::kRequest;
    kill.pause = Below(absl::Milliseconds(Chance(70) ? 15 : 100));
  } else {
    kill.moment = Moment::kAnswer;
    kill.pause = Below(absl::Milliseconds(5));
  }
  if (Chance(30)) kill.down = Below(absl::Milliseconds(400));
  return kill;
}

}  // namespace fieldgate::fault
