#include "tests/fault/reconnect_soak.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/testing/certificate.h"
#include "common/testing/mosquitto.h"
#include "common/testing/process.h"
#include "common/time/clock.h"
#include "services/cloud_link/connector.h"
#include "services/cloud_link/mqtt/paho_mqtt_client.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"
#include "tests/fault/mqtt_proxy.h"

namespace fieldgate::fault {
namespace {

namespace config = config_store::v1;
using cloud_link::Connector;
using cloud_link::LifecycleState;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr int kPoints = 20;
// Messages of a connection before it is cut.
constexpr int64_t kMessages = 3;
// So many more reconnects, if few seem to take memory.
constexpr int kFurther = 1'200;

config::Connector ConnectorConfig(int port, bool tls) {
  config::Connector c;
  c.set_name("CloudConn");
  c.set_start(true);
  c.set_base_url(absl::StrCat(tls ? "ssl://localhost:" : "tcp://127.0.0.1:", port));
  c.set_gateway_id("gw-1");
  c.set_customer_id("customer-1");
  c.set_qos(1);
  c.set_format(config::JSON);
  c.set_client_id("soak");
  c.set_clean_session(true);
  c.set_cache(true);
  c.set_cache_max_mb(64);
  c.set_keep_alive_s(300);
  c.set_response_timeout_s(5);
  c.set_retry_max_s(1);
  c.set_broker_fallback_s(86400);
  if (tls) {
    c.mutable_tls()->set_server_auth(config::Tls::FILE);
    c.mutable_tls()->set_server_cert("ca");
  }
  config::RealtimeSection& section = *c.add_sections();
  section.set_number(1);
  section.set_send_period_ms(10);
  for (int i = 0; i < kPoints; ++i) {
    config::DataPoint& point = *section.add_points();
    point.set_name(absl::StrCat("P", i));
    point.set_path(absl::StrCat("/Process/Bus1/D/P", i));
    point.set_origin(config::DataPoint::BUS);
    config::DataPoint::Metadata& type = *point.add_metadata();
    type.set_name("type");
    type.set_value("custom");
  }
  return c;
}

config::Device DeviceConfig() {
  config::Device device;
  device.set_serial_number("01234567");
  device.set_product_name("WT640");
  return device;
}

// Paho serves all clients of a process by one thread, which sees a new socket
// only after a second, unless something arrives on another one. This is that
// other one: it sends itself a message.
class Waker : public cloud_link::MqttListener {
 public:
  explicit Waker(int port) : mqtt_(cloud_link::MakePahoMqttClient(*this)) {
    cloud_link::MqttOptions options;
    options.url = absl::StrCat("tcp://127.0.0.1:", port);
    options.client_id = "waker";
    mqtt_->Connect(options).IgnoreError();  // what fails shows in the soak's time
  }
  ~Waker() override { mqtt_->Disconnect(); }

  void Wake() {
    if (connected_.exchange(false)) {
      mqtt_->Subscribe(1, {kTopic}, cloud_link::Qos::kAtMostOnce).IgnoreError();
    }
    mqtt_->Publish(++token_, kTopic, "", cloud_link::Qos::kAtMostOnce).IgnoreError();
  }

  void OnConnected(bool) override { connected_ = true; }
  void OnDisconnected(const absl::Status&) override {}
  void OnSubscribed(cloud_link::MqttToken, const absl::Status&) override {}
  void OnPublished(cloud_link::MqttToken, const absl::Status&) override {}
  void OnMessage(cloud_link::MqttMessage) override {}

 private:
  static constexpr char kTopic[] = "wake";

  std::atomic<bool> connected_ = false;
  cloud_link::MqttToken token_ = 1;
  std::unique_ptr<cloud_link::MqttClient> mqtt_;
};

// A connector on its loop. The thread of the caller is the loop.
class Loop : public cloud_link::MqttListener, public Connector::Host {
 public:
  Loop(const config::Connector& config, cloud_link::Outbox& outbox, std::string ca_file,
       int broker_port)
      : ca_file_(std::move(ca_file)),
        waker_(broker_port),
        mqtt_(cloud_link::MakePahoMqttClient(*this)) {
    connector_ = std::make_unique<Connector>(config, DeviceConfig(), outbox, unstored_, *mqtt_,
                                             *this, TimeNow());
    connector_->Start(TimeNow());
  }
  ~Loop() override { mqtt_->Disconnect(); }

  // Runs until `done`; false after kPatience.
  bool RunUntil(const std::function<bool()>& done) {
    const MonotonicTime deadline = RealClock().Now() + kPatience;
    for (;;) {
      std::deque<std::function<void()>> events;
      {
        std::unique_lock lock(mutex_);
        const absl::Duration pause = std::clamp(connector_->NextDeadline() - TimeNow().monotonic,
                                                absl::ZeroDuration(), absl::Milliseconds(5));
        wake_.wait_for(lock, absl::ToChronoMicroseconds(pause),
                       [this] { return !events_.empty(); });
        events.swap(events_);
      }
      for (const std::function<void()>& event : events) event();
      SendValues();
      if (connector_->state() == LifecycleState::kConnecting) waker_.Wake();
      connector_->Settle(TimeNow());
      if (done()) return true;
      if (RealClock().Now() > deadline) return false;
      // A pause between two tries has begun: it is over.
      if (connector_->state() == LifecycleState::kBackoff) {
        skipped_ +=
            std::max(connector_->NextDeadline() - TimeNow().monotonic, absl::ZeroDuration());
      }
    }
  }

  Connector& connector() { return *connector_; }
  int64_t Acknowledged() const {
    return static_cast<int64_t>(connector_->Status().messages_acknowledged());
  }

  // MqttListener
  void OnConnected(bool) override {
    Post([](Connector& c, Now now) { c.OnConnected(now); });
  }
  void OnDisconnected(const absl::Status& why) override {
    Post([why](Connector& c, Now now) { c.OnDisconnected(why, now); });
  }
  void OnSubscribed(cloud_link::MqttToken token, const absl::Status& status) override {
    Post([token, status](Connector& c, Now now) { c.OnSubscribed(token, status, now); });
  }
  void OnPublished(cloud_link::MqttToken token, const absl::Status& status) override {
    Post([token, status](Connector& c, Now now) { c.OnPublished(token, status, now); });
  }
  void OnMessage(cloud_link::MqttMessage message) override {
    Post([message = std::move(message)](Connector& c, Now now) { c.OnMessage(message, now); });
  }
  // Connector::Host: with configured ids nothing is stored, and there are no logs.
  void SaveIdentity(const cloud_link::Identity&) override {}
  void ForgetIdentities() override {}
  void ExecuteConfiguration(std::vector<tixml::Node>) override {}
  void ReadLog(uint64_t, process_data::v1::ReadLogRequest) override {}
  void NoteForSupport(std::string) override {}
  void NoteLosses(std::vector<std::string>) override {}
  std::string CertificatePath(absl::string_view) override { return ca_file_; }

 private:
  Now TimeNow() const { return {RealClock().Now() + skipped_, RealClock().WallNow()}; }

  template <typename Event>
  void Post(Event event) {
    // While the connector is made, nothing has happened yet.
    const uint64_t epoch = connector_->epoch();
    const std::lock_guard lock(mutex_);
    events_.push_back([this, epoch, event = std::move(event)] {
      if (connector_->epoch() == epoch) event(*connector_, TimeNow());
    });
    wake_.notify_all();
  }

  // As process_data sends them: all points, each time other values.
  void SendValues() {
    process_data::v1::ValueBatch batch;
    auto& run = *batch.add_runs();
    run.set_count(kPoints);
    run.set_sampled_at_us(absl::ToUnixMicros(RealClock().WallNow()));
    batch.set_kinds(std::string(kPoints, process_data::v1::INT));
    batch.set_states(std::string(kPoints, 1));
    ++values_;
    for (int i = 0; i < kPoints; ++i) batch.add_bits(values_ + static_cast<uint64_t>(i));
    connector_->OnBatch(batch, TimeNow());
  }

  const std::string ca_file_;
  Waker waker_;
  absl::Duration skipped_ = absl::ZeroDuration();
  uint64_t values_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> events_;
  std::unique_ptr<cloud_link::MqttClient> mqtt_;
  cloud_link::UnstoredData unstored_;
  std::unique_ptr<Connector> connector_;
};

// What a soak needs around it.
struct Surroundings {
  std::unique_ptr<Mosquitto> broker;
  std::unique_ptr<ChildProcess> portal;  // another process: it grows
  std::unique_ptr<MqttProxy> proxy;
  int plain_port = 0;  // of the broker, without TLS
  std::string ca_file;
};

absl::StatusOr<Surroundings> Surround(bool tls) {
  Surroundings around;
  Mosquitto::Options options;
  const int plain_port = FreePort();
  if (tls) {
    const absl::StatusOr<TestCertificate> certificate = MakeTestCertificate();
    if (!certificate.ok()) return certificate.status();
    around.ca_file = certificate->ca_file;
    options.cert_file = certificate->cert_file;
    options.key_file = certificate->key_file;
    options.config = {absl::StrCat("listener ", plain_port, " 127.0.0.1"), "allow_anonymous true"};
  }
  around.broker = std::make_unique<Mosquitto>(options);
  if (absl::Status s = around.broker->Start(); !s.ok()) return s;
  around.plain_port = tls ? plain_port : around.broker->port();
  absl::StatusOr<std::unique_ptr<ChildProcess>> portal = ChildProcess::Start(
      {.argv = {RunfilePath("fieldgate/tests/simulators/portal/portal_simulator"),
                absl::StrCat("--broker=tcp://127.0.0.1:", around.plain_port)}});
  if (!portal.ok()) return portal.status();
  around.portal = *std::move(portal);
  absl::StatusOr<std::unique_ptr<MqttProxy>> proxy =
      MqttProxy::Start(around.broker->port(), nullptr);
  if (!proxy.ok()) return proxy.status();
  around.proxy = *std::move(proxy);
  return around;
}

// SQLite keeps pages in memory up to a bound, which the soak itself would reach
// by and by, as backlogs come and go. So it is reached before.
absl::Status FillPageCache(cloud_link::OutboxFile& file) {
  absl::StatusOr<std::unique_ptr<cloud_link::Outbox>> outbox = file.Connector("Filler", {});
  if (!outbox.ok()) return outbox.status();
  constexpr int kEntries = 200;  // 3.2 MB; the bound is 2 MB
  cloud_link::OutboxEntry entry;
  entry.topic = "t";
  entry.content = std::string(16 << 10, 'x');
  std::vector<cloud_link::EntryId> ids;
  absl::Status s = (*outbox)->Begin();
  for (int i = 0; i < kEntries && s.ok(); ++i) {
    const absl::StatusOr<cloud_link::EntryId> id = (*outbox)->Append(entry);
    s = id.status();
    if (id.ok()) ids.push_back(*id);
  }
  if (s.ok()) s = (*outbox)->Commit();
  if (s.ok()) s = (*outbox)->Begin();
  if (s.ok()) s = (*outbox)->Remove(ids);
  if (s.ok()) s = (*outbox)->Commit();
  return s;
}

// At rest: next to nothing waits or is under way, which would count as growth (on a
// slow machine the next message comes before the last acknowledgement). The least of
// some times. False: it never is.
bool Measure(Loop& loop, ProcessUsage& usage) {
  constexpr int kTimes = 10;
  constexpr uint64_t kAtRest = 2;
  for (int i = 0; i < kTimes; ++i) {
    const int64_t acknowledged = loop.Acknowledged();
    if (!loop.RunUntil([&] {
          return loop.Acknowledged() > acknowledged &&
                 loop.connector().Status().messages_waiting() <= kAtRest;
        })) {
      return false;
    }
    const ProcessUsage now = OwnUsage();
    if (i == 0 || now.heap < usage.heap) usage = now;
  }
  return true;
}

}  // namespace

SoakResult RunReconnects(const SoakOptions& options) {
  SoakResult result;
  absl::StatusOr<Surroundings> around = Surround(options.tls);
  const auto fail = [&](std::string problem) {
    result.problems.push_back(std::move(problem));
    return result;
  };
  if (!around.ok()) return fail(around.status().ToString());
  absl::StatusOr<std::unique_ptr<cloud_link::OutboxFile>> file =
      cloud_link::OutboxFile::Open(NewTempDir() + "/cloud_link.db");
  if (!file.ok()) return fail(file.status().ToString());
  if (absl::Status s = FillPageCache(**file); !s.ok()) return fail(s.ToString());
  absl::StatusOr<std::unique_ptr<cloud_link::Outbox>> outbox = (*file)->Connector("CloudConn", {});
  if (!outbox.ok()) return fail(outbox.status().ToString());

  std::mt19937_64 random(options.seed);
  Loop loop(ConnectorConfig(around->proxy->port(), options.tls), **outbox, around->ca_file,
            around->plain_port);
  Connector& connector = loop.connector();
  int cuts = 0;
  // Empty, or what is wrong.
  const auto runs = [&]() -> std::string {
    const int64_t acknowledged = loop.Acknowledged() + kMessages;
    const bool running = loop.RunUntil([&] {
      return connector.state() == LifecycleState::kRunning && loop.Acknowledged() >= acknowledged;
    });
    if (running) return "";
    return absl::StrCat("not running within ", absl::FormatDuration(kPatience), " after ", cuts,
                        " reconnects: ", connector.doing());
  };
  const auto cut = [&](int times) -> std::string {
    for (int i = 0; i < times; ++i) {
      if (std::string problem = runs(); !problem.empty()) return problem;
      const uint64_t connections = around->proxy->connections();
      around->proxy->Cut(/*reset=*/random() % 2 == 0);
      if (!loop.RunUntil([&] { return connector.state() != LifecycleState::kRunning; })) {
        return "a cut connection is not noticed";
      }
      // Each fourth time the next one is cut, too, before it is made.
      if (random() % 4 == 0) {
        if (!loop.RunUntil([&] { return around->proxy->connections() > connections; })) {
          return "it doesn't connect again";
        }
        around->proxy->Cut(random() % 2 == 0);
        ++result.half_made;
      }
      if (++cuts % 500 == 0 && options.on_progress) {
        options.on_progress(absl::StrCat(cuts, " reconnects: ", OwnUsage().ToString()));
      }
    }
    return runs();  // always measured in the same state
  };
  if (std::string problem = cut(options.warm_up); !problem.empty()) return fail(problem);
  if (!Measure(loop, result.before)) return fail("never at rest");
  // What is taken differs by up to 100 KiB from time to time, which is much of few
  // reconnects and little of many; a leak is as much of many.
  const int most = options.reconnects + kFurther;
  do {
    if (std::string problem = cut(options.reconnects); !problem.empty()) return fail(problem);
    if (!Measure(loop, result.after)) return fail("never at rest");
    result.reconnects += options.reconnects;
  } while (result.Grows() && result.reconnects < most);
  result.messages = loop.Acknowledged();
  return result;
}

}  // namespace fieldgate::fault
