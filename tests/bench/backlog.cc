#include "tests/bench/backlog.h"

#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status/status.h"
#include "common/testing/process.h"
#include "common/time/clock.h"
#include "common/time/threads.h"
#include "services/cloud_link/loop.h"
#include "services/cloud_link/mqtt/paho_mqtt_client.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"
#include "services/cloud_link/payload/data_layout.h"
#include "services/cloud_link/payload/topics.h"
#include "tests/bench/measure.h"
#include "tests/bench/points.h"

namespace fieldgate::bench {
namespace {

constexpr char kCustomer[] = "bench";
constexpr char kGateway[] = "backlog";
constexpr char kSerialNumber[] = "01234567";
constexpr uint32_t kPointsEach = 10;
constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kCommandPatience = absl::Seconds(60);

const cloud_link::GatewayTopics& Topics() {
  static const auto& topics =
      *new cloud_link::GatewayTopics(cloud_link::TopicsOf(kCustomer, kGateway));
  return topics;
}

// The next number after `before` in the text; 0: none.
int64_t NumberAfter(absl::string_view text, absl::string_view before) {
  const size_t at = text.find(before);
  if (at == absl::string_view::npos) return 0;
  const size_t digit = text.find_first_of("0123456789", at + before.size());
  if (digit == absl::string_view::npos) return 0;
  const absl::string_view rest = text.substr(digit);
  int64_t number = 0;
  if (!absl::SimpleAtoi(rest.substr(0, rest.find_first_not_of("0123456789")), &number)) return 0;
  return number;
}

// The cloud's side: answers gatewayInit, checks the order of data, sends commands.
// Thread-safe.
class Subscriber : public cloud_link::MqttListener {
 public:
  explicit Subscriber(int64_t messages) : messages_(messages) {
    client_ = cloud_link::MakePahoMqttClient(*this);
    thread_ = std::thread([this] { loop_.Run([] { return MonotonicTime::Never(); }); });
  }
  ~Subscriber() override {
    loop_.Post([this] { client_->Disconnect(); });
    loop_.Post([this] { loop_.Stop(); });
    thread_.join();
  }

  absl::Status Connect(const std::string& broker_url) {
    loop_.Post([this, broker_url] {
      cloud_link::MqttOptions options;
      options.url = broker_url;
      options.client_id = "backlog-portal";
      if (absl::Status s = client_->Connect(options); !s.ok()) OnDisconnected(s);
    });
    if (Eventually(kPatience, [&] { return subscribed_.load(); })) return absl::OkStatus();
    return absl::UnavailableError("the portal can't subscribe");
  }

  // Milliseconds until its answer; kUnavailable: there is none.
  absl::StatusOr<double> Command() {
    const int64_t number = ++last_command_;
    const std::string body =
        absl::StrCat("{\"request_id\": \"", number, "\", \"serial_number\": \"", kSerialNumber,
                     "\", \"cmd\": {\"Get\": {\"-_\": \"/Process/PV/Level\"}}}");
    const MonotonicTime sent = RealClock().Now();
    Publish(Topics().cmd, body);
    std::unique_lock lock(mutex_);
    const bool answered = changed_.wait_for(lock, absl::ToChronoMilliseconds(kCommandPatience),
                                            [&] { return answered_ >= number || !problem_.ok(); });
    if (!problem_.ok()) return problem_;
    if (!answered) return absl::UnavailableError(absl::StrCat("no answer to command ", number));
    return absl::ToDoubleMilliseconds(answered_at_ - sent);
  }

  struct Progress {
    int64_t received = 0;
    int64_t body_bytes = 0;
    MonotonicTime first;
    MonotonicTime last;
    absl::Status problem;
  };
  Progress progress() {
    const std::lock_guard lock(mutex_);
    return {received_, body_bytes_, first_, last_, problem_};
  }

  void OnConnected(bool) override {
    loop_.Post([this] {
      // An error means that OnDisconnected follows.
      client_
          ->Subscribe(++last_token_, {Topics().init, Topics().data, Topics().cmd_result},
                      cloud_link::Qos::kAtLeastOnce)
          .IgnoreError();
    });
  }
  void OnDisconnected(const absl::Status& why) override { Fail(Annotate(why, "the portal")); }
  void OnSubscribed(cloud_link::MqttToken, const absl::Status& status) override {
    subscribed_ = status.ok();
  }
  void OnPublished(cloud_link::MqttToken, const absl::Status&) override {}
  void OnMessage(cloud_link::MqttMessage message) override {
    const MonotonicTime now = RealClock().Now();
    if (message.topic == Topics().data) return OnData(message.payload, now);
    if (message.topic == Topics().cmd_result) {
      const std::lock_guard lock(mutex_);
      if (NumberAfter(message.payload, "\"error_code\"") != 0) {
        problem_.Update(
            absl::UnavailableError(absl::StrCat("a command was refused: ", message.payload)));
      }
      answered_ = std::max(answered_, NumberAfter(message.payload, "\"response_id\""));
      answered_at_ = now;
      return changed_.notify_all();
    }
    Publish(Topics().init_result,
            absl::StrCat("{\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<error_code _=\"0\"/>\n"
                         "<response_id _=\"",
                         RequestId(message.payload), "\"/>\n<portal_version _=\"bench\"/>\n}"));
  }

 private:
  static std::string RequestId(absl::string_view body) {
    const absl::string_view start = "<request_id _=\"";
    const size_t at = body.find(start);
    if (at == absl::string_view::npos) return "";
    const absl::string_view rest = body.substr(at + start.size());
    return std::string(rest.substr(0, rest.find('"')));
  }
  void Publish(const std::string& topic, const std::string& body) {
    loop_.Post([this, topic, body] {
      // Lost with the connection, which fails all.
      client_->Publish(++last_token_, topic, body, cloud_link::Qos::kAtLeastOnce).IgnoreError();
    });
  }
  void OnData(absl::string_view body, MonotonicTime now) {
    const int64_t id = NumberAfter(body, "<message_id ");
    const std::lock_guard lock(mutex_);
    if (received_ >= messages_) return;  // live ones, after the backlog
    if (id != received_ + 1) {
      problem_.Update(absl::DataLossError(absl::StrCat("message ", id, " came after ", received_)));
      changed_.notify_all();
      return;
    }
    if (received_++ == 0) first_ = now;
    last_ = now;
    body_bytes_ = static_cast<int64_t>(body.size());
  }
  void Fail(const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    problem_.Update(status);
    changed_.notify_all();
  }

  const int64_t messages_;
  std::atomic<bool> subscribed_ = false;
  std::atomic<int64_t> last_command_ = 0;
  std::mutex mutex_;  // guards what follows, up to problem_
  std::condition_variable changed_;
  int64_t received_ = 0;
  int64_t body_bytes_ = 0;
  MonotonicTime first_, last_, answered_at_;
  int64_t answered_ = 0;
  absl::Status problem_;

  std::unique_ptr<cloud_link::MqttClient> client_;  // the loop's
  cloud_link::MqttToken last_token_ = 0;            // the loop's
  cloud_link::Loop loop_{RealThreads()};
  std::thread thread_;
};

absl::Status Fill(const std::string& path, int64_t messages) {
  constexpr int64_t kTransaction = 2000;
  config_store::v1::Connector connector = MakeConnector(config_store::v1::TIXML);
  auto& points = *connector.mutable_sections(0)->mutable_points();
  points.DeleteSubrange(kPointsEach, points.size() - static_cast<int>(kPointsEach));
  absl::StatusOr<cloud_link::DataLayout> layout = cloud_link::DataLayout::Create(connector);
  if (!layout.ok()) return layout.status();
  absl::StatusOr<std::unique_ptr<cloud_link::OutboxFile>> file = cloud_link::OutboxFile::Open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::unique_ptr<cloud_link::DurableOutbox>> outbox =
      (*file)->Connector("CloudConn", {.max_bytes = int64_t{100'000} << 20});
  if (!outbox.ok()) return outbox.status();
  cloud_link::OutboxEntry entry;
  entry.topic = Topics().data;
  const std::vector<cloud_link::Sample> samples = MakeSamples(1);
  entry.content = cloud_link::PackColumns(0, kPointsEach, samples);
  for (int64_t done = 0; done < messages;) {
    if (absl::Status s = (*outbox)->Begin(); !s.ok()) return s;
    absl::StatusOr<int64_t> number = (*outbox)->PutLayout(layout->Serialize());
    if (!number.ok()) return number.status();
    entry.layout = *number;
    for (int64_t i = 0; i < kTransaction && done < messages; ++i, ++done) {
      absl::StatusOr<int64_t> id = (*outbox)->NextMessageId();
      if (!id.ok()) return id.status();
      entry.message_id = *id;
      // Ten a second, up to about now.
      entry.timestamp = absl::ToUnixSeconds(absl::Now()) - (messages - done) / 10;
      if (absl::Status s = (*outbox)->Append(entry).status(); !s.ok()) return s;
    }
    if (absl::Status s = (*outbox)->Commit(); !s.ok()) return s;
  }
  return absl::OkStatus();
}

std::string Configuration(const std::string& broker_url) {
  return absl::StrCat(
      R"([<SetConfig _="PROCCFG" ver="y"><ProcessVars><Level value="23.5"/></ProcessVars></SetConfig>]
[<SetConfig _="ISP" ver="y"><CloudConn><CloudBaseUrl _=")",
      broker_url, R"("/><customer_id _=")", kCustomer, R"("/><gateway_id _=")", kGateway,
      R"("/><QoS _="1"/><CloudConnStart _="1"/><CloudConnType _="FPIL_Tixi_MQTT_1"/>
<CloudConnDataFormat _="TiXML"/><MQTTCacheMaxMB _="100000"/><RTSendTime1 _="3600"/>
<Realtime1><Level _="/Process/PV/Level" meta_type="volume"/></Realtime1></CloudConn></SetConfig>]
)");
}

absl::StatusOr<pid_t> PidOf(pid_t root, absl::string_view name) {
  const std::vector<ProcessInfo> tree = ProcessTree(root);
  for (const ProcessInfo& process : tree) {
    if (process.name == name) return process.pid;
  }
  return absl::UnavailableError(absl::StrCat("there is no ", name));
}

}  // namespace

absl::StatusOr<BacklogDrain> DrainBacklog(const BacklogOptions& options) {
  const std::string dir = NewTempDir();
  const std::string state_dir = dir + "/state";
  if (mkdir(state_dir.c_str(), 0700) != 0) return absl::UnavailableError(state_dir);
  if (absl::Status s = Fill(state_dir + "/cloud_link.db", options.messages); !s.ok()) {
    return Annotate(s, "preparing the backlog");
  }
  std::ofstream(dir + "/device.json")
      << "{\"serial_number\": \"" << kSerialNumber
      << "\", \"product_name\": \"WT640\", \"hardware_id\": \"GM20-S1F2K-120\"}\n";
  std::ofstream(dir + "/backlog.tixml") << Configuration(options.broker_url);

  Subscriber subscriber(options.messages);
  if (absl::Status s = subscriber.Connect(options.broker_url); !s.ok()) return s;
  const MonotonicTime start = RealClock().Now();
  absl::StatusOr<std::unique_ptr<ChildProcess>> gateway = ChildProcess::Start(
      {.argv = {RunfilePath("fieldgate/services/fieldgate/fieldgate"), "run",
                "--state-dir=" + state_dir, absl::StrCat("--device=", dir, "/device.json"),
                absl::StrCat("--import=", dir, "/backlog.tixml")}});
  if (!gateway.ok()) return gateway.status();

  BacklogDrain drain;
  const auto measure = [&]() -> absl::Status {
    if (!Eventually(kPatience, [&] { return subscriber.progress().received > 0; })) {
      return absl::UnavailableError(absl::StrCat("no message came: ", (*gateway)->Output()));
    }
    absl::StatusOr<pid_t> cloud_link = PidOf((*gateway)->pid(), "cloud_link");
    if (!cloud_link.ok()) return cloud_link.status();
    absl::StatusOr<int64_t> memory = PssOf(*cloud_link);
    if (!memory.ok()) return memory.status();
    drain.memory_at_first = drain.memory_at_most = *memory;
    const MonotonicTime give_up = RealClock().Now() + options.patience;
    Subscriber::Progress progress = subscriber.progress();
    while (progress.received < options.messages) {
      if (!progress.problem.ok()) return progress.problem;
      if (RealClock().Now() >= give_up) {
        return absl::UnavailableError(
            absl::StrCat("after ", progress.received, " messages it was given up"));
      }
      absl::StatusOr<double> ms = subscriber.Command();
      if (!ms.ok()) return ms.status();
      progress = subscriber.progress();
      if (progress.received < options.messages) drain.busy_commands_ms.push_back(*ms);
      if (memory = PssOf(*cloud_link); !memory.ok()) return memory.status();
      drain.memory_at_most = std::max(drain.memory_at_most, *memory);
      Eventually(options.command_pause,
                 [&] { return subscriber.progress().received >= options.messages; });
    }
    drain.first_after = progress.first - start;
    drain.took = progress.last - progress.first;
    drain.body_bytes = progress.body_bytes;
    for (int i = 0; i < options.idle_commands; ++i) {
      absl::StatusOr<double> ms = subscriber.Command();
      if (!ms.ok()) return ms.status();
      drain.idle_commands_ms.push_back(*ms);
      absl::SleepFor(options.command_pause);
    }
    return subscriber.progress().problem;
  };
  const absl::Status measured = measure();
  (*gateway)->Kill(SIGTERM);
  (*gateway)->WaitForExit(kPatience);
  if (!measured.ok()) return measured;
  if (options.afterwards) {
    if (absl::Status s = options.afterwards(Topics().data, drain.body_bytes); !s.ok()) return s;
  }
  return drain;
}

}  // namespace fieldgate::bench
