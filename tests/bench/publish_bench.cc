// Messages a second through the durable outbox to a broker's acknowledgement.
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "common/testing/mosquitto.h"
#include "common/testing/process.h"
#include "common/time/clock.h"
#include "services/cloud_link/loop.h"
#include "services/cloud_link/mqtt/paho_mqtt_client.h"
#include "services/cloud_link/outbox/outbox_pump.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"
#include "services/cloud_link/payload/data_layout.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/points.h"

namespace fieldgate::bench {
namespace {

using cloud_link::DataLayout;
using cloud_link::EntryId;
using cloud_link::Loop;
using cloud_link::MqttToken;
using cloud_link::Outbox;
using cloud_link::OutboxEntry;
using cloud_link::OutboxFile;
using cloud_link::OutboxPump;
using cloud_link::StoredEntry;

constexpr char kTopic[] = "bench/data";
// What a busy connector has in its outbox: the pump always finds the next one.
constexpr int64_t kBacklog = 2 * OutboxPump::kWindowEntries;
constexpr absl::Duration kConnectPatience = absl::Seconds(20);

// Does what a connector's loop does with messages that are always due: new
// ones and the removal of acknowledged ones in one transaction, then publish.
class Sender : public cloud_link::MqttListener {
 public:
  Sender(Outbox& outbox, OutboxPump::Render render, std::function<std::string()> content,
         int64_t layout)
      : outbox_(outbox),
        client_(cloud_link::MakePahoMqttClient(*this)),
        pump_(outbox, *client_, std::move(render)),
        content_(std::move(content)),
        layout_(layout) {}

  // Messages a second that the broker acknowledged.
  absl::StatusOr<double> Run(const std::string& url, absl::Duration window) {
    window_ = window;
    cloud_link::MqttOptions options;
    options.url = url;
    options.client_id = "bench";
    deadline_ = RealClock().Now() + kConnectPatience;
    if (absl::Status s = client_->Connect(options); !s.ok()) return s;
    loop_.Run([this] { return Settle(); });
    client_->Disconnect();
    if (!status_.ok()) return status_;
    return static_cast<double>(count_) / absl::ToDoubleSeconds(end_ - start_);
  }

  void OnConnected(bool) override {
    loop_.Post([this] {
      start_ = RealClock().Now();
      deadline_ = start_ + window_;
      pump_.Start();
    });
  }
  void OnDisconnected(const absl::Status& why) override {
    loop_.Post([this, why] { Fail(Annotate(why, "disconnected")); });
  }
  void OnSubscribed(MqttToken, const absl::Status&) override {}
  void OnPublished(MqttToken token, const absl::Status& status) override {
    loop_.Post([this, token, status] {
      if (!status.ok()) return Fail(status);
      if (pump_.OnPublished(token, status)) ++count_;
    });
  }
  void OnMessage(cloud_link::MqttMessage) override {}

 private:
  void Fail(const absl::Status& status) {
    status_.Update(status);
    loop_.Stop();
  }

  MonotonicTime Settle() {
    end_ = RealClock().Now();
    if (end_ >= deadline_) {
      if (!pump_.running()) status_ = absl::UnavailableError("no connection");
      loop_.Stop();
    } else if (pump_.running()) {
      if (absl::Status s = Refill(); !s.ok()) Fail(s);
      pump_.Pump();
    }
    return deadline_;
  }

  absl::Status Refill() {
    const std::vector<EntryId> done = pump_.TakeAcknowledged();
    const int64_t missing =
        kBacklog - (outbox_.Stats().entries - static_cast<int64_t>(done.size()));
    if (missing <= 0 && done.empty()) return absl::OkStatus();
    std::vector<StoredEntry> stored;
    if (absl::Status s = outbox_.Begin(); !s.ok()) return s;
    if (absl::Status s = outbox_.Remove(done); !s.ok()) return s;
    for (int64_t i = 0; i < missing; ++i) {
      absl::StatusOr<int64_t> message_id = outbox_.NextMessageId();
      if (!message_id.ok()) return message_id.status();
      StoredEntry next;
      next.entry.topic = kTopic;
      next.entry.message_id = *message_id;
      next.entry.timestamp = 1'700'000'000;
      next.entry.layout = layout_;
      next.entry.content = content_();
      absl::StatusOr<EntryId> id = outbox_.Append(next.entry);
      if (!id.ok()) return id.status();
      next.id = *id;
      stored.push_back(std::move(next));
    }
    if (absl::Status s = outbox_.Commit(); !s.ok()) return s;
    for (StoredEntry& entry : stored) pump_.Appended(std::move(entry));
    return absl::OkStatus();
  }

  Outbox& outbox_;
  Loop loop_{RealThreads()};
  const std::unique_ptr<cloud_link::MqttClient> client_;
  OutboxPump pump_;
  const std::function<std::string()> content_;
  const int64_t layout_;
  absl::Duration window_;
  MonotonicTime start_, end_, deadline_;
  int64_t count_ = 0;
  absl::Status status_;
};

absl::StatusOr<double> MeasureBodies(const std::string& url, absl::Duration window, size_t bytes) {
  absl::StatusOr<std::unique_ptr<OutboxFile>> file = OutboxFile::Open(NewTempDir() + "/outbox.db");
  if (!file.ok()) return file.status();
  absl::StatusOr<std::unique_ptr<Outbox>> outbox = (*file)->Connector("CloudConn", {});
  if (!outbox.ok()) return outbox.status();
  Sender sender(
      **outbox, [](const OutboxEntry& entry) { return entry.content; },
      [bytes] { return std::string(bytes, 'x'); }, 0);
  return sender.Run(url, window);
}

absl::StatusOr<double> MeasureColumns(const std::string& url, absl::Duration window,
                                      const DataLayout& layout) {
  absl::StatusOr<std::unique_ptr<OutboxFile>> file = OutboxFile::Open(NewTempDir() + "/outbox.db");
  if (!file.ok()) return file.status();
  absl::StatusOr<std::unique_ptr<Outbox>> outbox = (*file)->Connector("CloudConn", {});
  if (!outbox.ok()) return outbox.status();
  if (absl::Status s = (*outbox)->Begin(); !s.ok()) return s;
  absl::StatusOr<int64_t> number = (*outbox)->PutLayout(layout.Serialize());
  if (!number.ok()) return number.status();
  if (absl::Status s = (*outbox)->Commit(); !s.ok()) return s;
  const std::vector<cloud_link::Sample> samples = MakeSamples(1);
  Sender sender(
      **outbox,
      [&layout](const OutboxEntry& entry) -> absl::StatusOr<std::string> {
        std::string body;
        absl::Status s = layout.AppendBody(entry.content, entry.message_id, entry.timestamp, body);
        if (!s.ok()) return s;
        return body;
      },
      [&samples] { return cloud_link::PackColumns(0, kPoints, samples); }, *number);
  return sender.Run(url, window);
}

absl::StatusOr<double> MeasureBaseline(const std::string& url, absl::Duration window,
                                       size_t bytes) {
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start(
      {.argv = {RunfilePath("fieldgate/tests/bench/baseline_publish"), url, kTopic,
                absl::StrCat(bytes), absl::StrCat(OutboxPump::kWindowEntries),
                absl::StrCat(absl::ToDoubleSeconds(window))}});
  if (!process.ok()) return process.status();
  const std::optional<int> status = (*process)->WaitForExit(window + absl::Seconds(30));
  double rate = 0;
  if (status != 0 || !absl::SimpleAtod((*process)->Output(), &rate)) {
    return absl::UnavailableError(absl::StrCat("baseline_publish: ", (*process)->Output()));
  }
  return rate;
}

}  // namespace

Rows BenchPublish(const BenchOptions& options) {
  // Some dozen points.
  constexpr size_t kBodyBytes = 2048;
  const absl::Duration window = 2 * options.short_window();
  Mosquitto broker;
  if (absl::Status s = broker.Start(); !s.ok()) return s;
  const std::string url = broker.url();

  absl::StatusOr<Sides> bodies = Alternate(
      options.rounds, [&] { return MeasureBodies(url, window, kBodyBytes); },
      [&] { return MeasureBaseline(url, window, kBodyBytes); });
  if (!bodies.ok()) return bodies.status();

  absl::StatusOr<DataLayout> layout = DataLayout::Create(MakeConnector(config_store::v1::TIXML));
  if (!layout.ok()) return layout.status();
  std::string body;
  absl::Status encoded = layout->AppendBody(cloud_link::PackColumns(0, kPoints, MakeSamples(1)), 1,
                                            1'700'000'000, body);
  if (!encoded.ok()) return encoded;
  absl::StatusOr<Sides> columns = Alternate(
      options.rounds, [&] { return MeasureColumns(url, window, *layout); },
      [&] { return MeasureBaseline(url, window, body.size()); });
  if (!columns.ok()) return columns.status();

  return std::vector<Row>{
      {"publish 2 KB, durable, QoS 1 (raw: Paho C alone)", "/s", bodies->ours, bodies->baseline,
       Target::RatioAtLeast(0.7)},
      {absl::StrCat("publish 1,000 points, ", body.size() / 1024, " KB (raw: Paho C alone)"), "/s",
       columns->ours, columns->baseline, Target::OursAtLeast(3000)}};
}

}  // namespace fieldgate::bench
