// What goes wrong in a World, and what people and portals do to it meanwhile.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/simulation/world.h"

namespace fieldgate::simulation {

using cloud_link::Qos;
using portal::CommandKind;
using tixml::Node;

namespace {

Node Set(const std::string& path, const std::string& value) {
  return {"Set", {{"_", path}, {"value", value}}, {}, "", 0};
}

Node Element(const std::string& name, const std::string& value) {
  return {name, {{"_", value}}, {}, "", 0};
}

Node SetConfig(const std::string& database, std::vector<Node> children) {
  Node node = Element("SetConfig", database);
  node.children = std::move(children);
  return node;
}

}  // namespace

void World::Often(FaultKind kind, std::function<void()> fault) {
  if (!plan_.faults.contains(kind)) return;
  const absl::Duration pause = faults_.Between(absl::Milliseconds(200), 2 * plan_.pause);
  scheduler_.After(pause, [this, kind, fault = std::move(fault)] {
    if (calm_) return;
    trace_.Note("fault", NameOf(kind));
    fault();
    Often(kind, fault);
  });
}

void World::ForAWhile(absl::Duration shortest, absl::Duration longest, std::function<void()> begin,
                      std::function<void()> end) {
  begin();
  scheduler_.After(faults_.Between(shortest, longest), std::move(end));
}

void World::KillSoon(ServiceHost& host) {
  host.Kill(faults_.Between(absl::Milliseconds(50), absl::Seconds(5)));
}

void World::CutPower() {
  trace_.Note("fault", "the power fails");
  // The dead processes see a disk that fails, and so does whoever looks at it
  // before it is back.
  disk_.PowerCut(faults_.Next());
  const absl::Duration pause = faults_.Between(absl::Milliseconds(500), absl::Seconds(10));
  for (ServiceHost* host : {&config_store_, &process_data_, &cloud_link_}) {
    host->Kill(pause + faults_.Between(absl::ZeroDuration(), absl::Seconds(1)));
  }
  if (options_.mutation == Mutation::kLyingDisk) RestoreSnapshot();
}

void World::TakeSnapshot() {
  for (const SimulatedDisk::FileInfo& file : disk_.Files()) {
    if (!absl::StartsWith(file.path, "/cloud/")) continue;
    const absl::StatusOr<std::string> content = disk_.Content(file.path);
    if (content.ok()) snapshot_[file.path] = *content;
  }
  scheduler_.After(absl::Seconds(5), [this] { TakeSnapshot(); });
}

void World::RestoreSnapshot() {
  for (const auto& [path, content] : snapshot_) disk_.SetContent(path, content);
}

void World::FailDisk(bool full) {
  DiskFault fault;
  constexpr DiskCall kCalls[] = {DiskCall::kWrite, DiskCall::kSync, DiskCall::kOpen,
                                 DiskCall::kRead, DiskCall::kTruncate};
  fault.call = full ? DiskCall::kWrite : kCalls[faults_.Below(5)];
  fault.nth = faults_.Between(1, 30);
  fault.lasting = full || faults_.Chance(0.5);
  fault.full = full;
  constexpr const char* kFiles[] = {"", "cloud_link.db-wal", "config.db-wal", "logs.db-wal",
                                    "cloud_link.db"};
  fault.path_ends_with = kFiles[faults_.Below(5)];
  ForAWhile(
      absl::Seconds(1), absl::Seconds(15), [&] { disk_.Inject(fault); }, [this] { disk_.Heal(); });
}

void World::ScheduleFaults() {
  using S = absl::Duration (*)(int64_t);
  constexpr S s = absl::Seconds;
  if (options_.mutation == Mutation::kLyingDisk) TakeSnapshot();
  Often(FaultKind::kCut, [this] { broker_.Cut(); });
  Often(FaultKind::kFreeze, [this] { broker_.Freeze(); });
  Often(FaultKind::kBrokerDown, [this] {
    ForAWhile(
        s(1), s(40),
        [this] {
          broker_.mood.connects =
              faults_.Chance(0.5) ? BrokerMood::Connects::kRefuse : BrokerMood::Connects::kHang;
          broker_.Cut();
        },
        [this] { broker_.mood.connects = BrokerMood::Connects::kAccept; });
  });
  Often(FaultKind::kSlowAcks, [this] {
    ForAWhile(
        s(1), s(30),
        [this] { broker_.mood.acknowledge_within = faults_.Between(absl::Milliseconds(1), s(30)); },
        [this] { broker_.mood.acknowledge_within = absl::ZeroDuration(); });
  });
  Often(FaultKind::kRepeats, [this] {
    ForAWhile(
        s(1), s(30), [this] { broker_.mood.repeat = 0.5; }, [this] { broker_.mood.repeat = 0; });
  });
  Often(FaultKind::kRefusals, [this] {
    ForAWhile(
        s(1), s(20), [this] { broker_.mood.refuse_subscribe = 0.7; },
        [this] { broker_.mood.refuse_subscribe = 0; });
  });
  Often(FaultKind::kSessionsLost, [this] { broker_.ForgetSessions(); });
  Often(FaultKind::kPortalWrong, [this] {
    ForAWhile(
        s(1), s(40), [this] { portal_.mood.wrong = 0.6; }, [this] { portal_.mood.wrong = 0; });
  });
  Often(FaultKind::kKillCloud, [this] { KillSoon(cloud_link_); });
  Often(FaultKind::kKillProcess, [this] { KillSoon(process_data_); });
  Often(FaultKind::kKillConfig, [this] { KillSoon(config_store_); });
  Often(FaultKind::kPowerCut, [this] {
    if (faults_.Chance(0.3)) {
      CutPower();
    } else {
      disk_.CutPowerAfter(faults_.Between(1, 60));  // then CheckStep sees it
    }
  });
  Often(FaultKind::kDiskFull, [this] { FailDisk(/*full=*/true); });
  Often(FaultKind::kDiskErrors, [this] { FailDisk(/*full=*/false); });
  Often(FaultKind::kDeviceFails, [this] {
    const std::string host = faults_.Chance(0.7) ? "10.0.0.2" : "10.0.0.1";
    const auto mood = static_cast<DeviceMood>(faults_.Between(1, 4));
    ForAWhile(
        absl::Milliseconds(500), s(20), [&] { field_.SetMood(host, mood); },
        [this, host] { field_.SetMood(host, DeviceMood::kAnswers); });
  });
  Often(FaultKind::kWallJumps, [this] {
    const absl::Duration year = absl::Hours(24 * 365);
    scheduler_.ShiftWall(faults_.Chance(0.5) ? faults_.Between(-10 * year, 10 * year)
                                             : faults_.Between(-s(5), s(5)));
  });
  Often(FaultKind::kSlowCalls, [this] {
    ServiceHost& host = faults_.Chance(0.5) ? config_store_ : process_data_;
    ForAWhile(
        s(1), s(20),
        [this, &host] { host.latency = faults_.Between(absl::Milliseconds(100), s(4)); },
        [&host] { host.latency = absl::Milliseconds(2); });
  });
  Often(FaultKind::kCommands, [this] {
    for (int64_t i = faults_.Between(1, 3); i > 0; --i) SendJob();
  });
  Often(FaultKind::kConfiguration, [this] { SendConfiguration(); });
  Often(FaultKind::kProbation, [this] { SendProbation(); });
  // Kills in the moments that matter: a request is executed, but not answered.
  portal_.on_executed = [this] {
    if (calm_ || !plan_.faults.contains(FaultKind::kKillCloud) || !faults_.Chance(0.2)) return;
    scheduler_.After(faults_.Between(absl::ZeroDuration(), absl::Milliseconds(10)), [this] {
      trace_.Note("fault", "kill cloud_link within a request");
      if (!calm_) KillSoon(cloud_link_);
    });
  };
  if (plan_.faults.contains(FaultKind::kCommands)) {
    // Sent again while it is not answered, as a portal does.
    std::function<void()> resend = [this] { portal_.Resend(absl::Seconds(20)); };
    for (absl::Duration t = s(5); t < plan_.faults_last; t += s(5)) scheduler_.After(t, resend);
  }
}

void World::EndFaults() {
  trace_.Note("fault", "all end");
  calm_ = true;
  broker_.Heal();
  portal_.mood = PortalMood();
  disk_.Heal();
  disk_.CutPowerAfter(int64_t{1} << 60);
  for (const char* host : {"10.0.0.1", "10.0.0.2"}) field_.SetMood(host, DeviceMood::kAnswers);
  config_store_.latency = process_data_.latency = absl::Milliseconds(2);
}

// --- Commands -------------------------------------------------------------------------

const ConnectorPlan& World::AnyConnector() {
  return plan_.connectors[faults_.Below(plan_.connectors.size())];
}

Job World::NewJob(CommandKind kind, const ConnectorPlan& connector) {
  Job job;
  job.kind = kind;
  job.connector = connector.name;
  job.request_id = absl::StrCat("job", ++last_job_);
  job.qos = static_cast<Qos>(faults_.Below(3));
  return job;
}

void World::Give(Job job, std::vector<Node> commands) {
  constexpr tixml::Format kFormats[] = {tixml::Format::kJson, tixml::Format::kTiXml,
                                        tixml::Format::kXml};
  portal::Command command;
  command.kind = job.kind;
  command.request_id = job.request_id;
  command.serial_number = kSerial;
  command.commands = std::move(commands);
  if (job.kind == CommandKind::kState) command.path = "/Process/PV/";
  job.body = portal::WriteCommand(kFormats[faults_.Below(3)], command);
  portal_.Send(std::move(job));
}

void World::SendJob() {
  const ConnectorPlan& connector = AnyConnector();
  switch (faults_.Below(6)) {
    case 0: {
      Job job = NewJob(CommandKind::kCmd, connector);
      job.marks = {absl::StrCat("m", last_job_)};
      return Give(job, {Set("/Process/PV/Mark", job.marks[0])});
    }
    case 1: {
      Job job = NewJob(CommandKind::kCmd, connector);
      job.marks = {absl::StrCat(1000 + last_job_)};
      return Give(job, {Set("/Process/Field/Meter/Written", job.marks[0])});
    }
    case 2: {
      Job job = NewJob(CommandKind::kCmd, connector);
      job.marks = {absl::StrCat("a", last_job_), absl::StrCat("b", last_job_)};
      return Give(job, {Set("/Process/PV/Mark", job.marks[0]), Element("Get", "/Process/PV/"),
                        Set("/Process/PV/Note", job.marks[1])});
    }
    case 3: {
      Job job = NewJob(CommandKind::kCmd, connector);
      return Give(job, {Element("CloudSendRealtimeData", connector.name),
                        Element("RecordLog", "Energy"), Element("DoOn", "Record")});
    }
    case 4: {
      Job job = NewJob(CommandKind::kState, connector);
      return Give(job, {});
    }
    default: {
      Job job = NewJob(CommandKind::kConfig, connector);
      job.marks = {absl::StrCat("u", last_job_)};
      return Give(job, {SetConfig("USER", {Element("Mark", job.marks[0])})});
    }
  }
}

void World::SendConfiguration() {
  const ConnectorPlan& connector = AnyConnector();
  Job job = NewJob(CommandKind::kConfig, connector);
  switch (faults_.Below(4)) {
    case 0:  // a section that isn't checked for its rate
      return Give(job, {SetConfig(absl::StrCat("ISP/", connector.name),
                                  {Element("UpdateRate2", absl::StrCat(faults_.Between(1, 9)))})});
    case 1:
      job.invalid = true;
      job.marks = {absl::StrCat("wrong", last_job_)};
      return Give(job, {SetConfig(absl::StrCat("ISP/", connector.name),
                                  {Element("QoS", job.marks[0]), Element("RTSendTime2", "5")})});
    case 2:
      return Give(job,
                  {SetConfig("PROCCFG/ProcessVars",
                             {{absl::StrCat("V", last_job_ % 5), {{"value", "1"}}, {}, "", 0}}),
                   SetConfig("USER", {Element("Last", absl::StrCat("x", last_job_))})});
    default: {
      Node handler{"Normal", {}, {Set("/Process/PV/Alarm", absl::StrCat(last_job_ % 3))}, "", 0};
      return Give(job, {SetConfig("EVENTS/EventHandler", {handler})});
    }
  }
}

void World::SendProbation() {
  const ConnectorPlan& connector = AnyConnector();
  Job job = NewJob(CommandKind::kConfig, connector);
  const bool right = faults_.Chance(0.5);
  const Node change = right ? Element("MQTTKeepAlive", absl::StrCat(100 + last_job_))
                            : Element("CloudBaseUrl", "tcp://nowhere");
  Give(job, {SetConfig(absl::StrCat("ISP/", connector.name), {change})});
}

}  // namespace fieldgate::simulation
