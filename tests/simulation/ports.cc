#include "tests/simulation/ports.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "common/tixml/node_proto.h"
#include "services/process_data/batch_message.h"
#include "services/process_data/log_messages.h"
#include "services/process_data/paths.h"
#include "services/process_data/report.h"
#include "services/process_data/subscription.h"
#include "services/process_data/value_tree.h"

namespace fieldgate::simulation {
namespace {

using cloud_link::Identity;
using cloud_link::Origin;

// As the gRPC clients have them.
constexpr absl::Duration kConnect = absl::Seconds(3);
constexpr absl::Duration kConfigTimeout = absl::Seconds(10);
constexpr absl::Duration kGetTimeout = absl::Seconds(10);
constexpr absl::Duration kLogTimeout = absl::Seconds(20);
constexpr absl::Duration kSetTimeout = absl::Minutes(12);
constexpr absl::Duration kLongestSet = absl::Minutes(10);
constexpr absl::Duration kTryAgain = absl::Milliseconds(200);
constexpr int kMaxBatches = 2;

class ConfigPorts : public cloud_link::ConfigClient {
 public:
  ConfigPorts(Process& process, Surroundings& around) : process_(process), around_(around) {}

  absl::StatusOr<config_store::v1::SetConfigResponse> SetConfig(
      absl::string_view database, const std::vector<tixml::Node>& children,
      const Origin& origin) override {
    return Call<config_store::v1::SetConfigResponse>([&around = around_,
                                                      database = std::string(database), children,
                                                      origin](ConfigInstance& config) {
      return SetConfigAt(config, around, database, children, origin);
    });
  }
  absl::StatusOr<std::vector<tixml::Node>> GetConfig(absl::string_view database) override {
    return Call<std::vector<tixml::Node>>([database = std::string(database)](ConfigInstance& config)
                                              -> absl::StatusOr<std::vector<tixml::Node>> {
      auto nodes = config.store().GetConfig(database);
      if (!nodes.ok()) return nodes.status();
      return nodes->nodes;
    });
  }
  absl::StatusOr<config_store::v1::ListSupportLogResponse> ListMessages(absl::string_view log,
                                                                        int count) override {
    return Call<config_store::v1::ListSupportLogResponse>(
        [log = std::string(log), count](ConfigInstance& config) {
          return config.store().ListMessages(log, count);
        });
  }
  absl::Status SaveIdentity(absl::string_view connector, const Identity& identity) override {
    return Do([connector = std::string(connector), identity](ConfigInstance& config) {
      config_store::v1::Identity out;
      out.set_gateway_id(identity.gateway_id);
      out.set_customer_id(identity.customer_id);
      out.set_data_broker_url(identity.data_broker_url);
      if (identity.data_broker_qos) out.set_data_broker_qos(*identity.data_broker_qos);
      return config.store().SaveIdentity(connector, out);
    });
  }
  absl::Status DeleteIdentities() override {
    return Do([](ConfigInstance& config) { return config.store().DeleteIdentities(); });
  }
  absl::Status FactoryReset(const Origin&, bool) override {
    return absl::FailedPreconditionError("there is no factory.tixml");
  }
  absl::Status AppendMessage(absl::string_view log, absl::string_view message) override {
    config_store::v1::SupportLogEntry entry;
    entry.set_log(std::string(log));
    entry.set_source("cloud_link");
    entry.set_message(std::string(message));
    return Do([entry](ConfigInstance& config) { return config.store().AppendMessage(entry); });
  }
  absl::Status ConfirmConfiguration(absl::string_view connector, int64_t revision) override {
    return Do([connector = std::string(connector), revision](ConfigInstance& config) {
      return config.store().ConfirmConfiguration(connector, revision);
    });
  }

 private:
  static absl::StatusOr<config_store::v1::SetConfigResponse> SetConfigAt(
      ConfigInstance& config, Surroundings& around, const std::string& database,
      std::vector<tixml::Node> children, const Origin& origin) {
    config_store::ConfigurationStore& store = config.store();
    const auto before = store.Current();
    const auto nodes_before = store.GetConfig("");
    std::vector<std::string> marks;
    for (const tixml::Node& child : children) {
      if (const std::string* value = child.Find("_")) marks.push_back(*value);
    }
    auto response = store.SetConfig(database, std::move(children), origin.who, origin.connector);
    const bool applied = response.ok() && response->applied();
    if (!applied && around.mutation == Mutation::kAppliesRejected) {
      store.SetConfig("USER", {{"Half", {{"_", "done"}}, {}, "", 0}}, "mutation").IgnoreError();
    }
    const auto nodes = store.GetConfig("");
    if (applied) {
      for (const std::string& mark : marks) around.portal.OnExecuted(mark);
      around.on_applied(store);
    } else if (store.Current() != before || nodes.ok() != nodes_before.ok() ||
               (nodes.ok() && nodes->nodes != nodes_before->nodes)) {
      around.trace.Fail("a rejected SetConfig of ", database, " has changed something");
    }
    return response;
  }

  template <typename T, typename Handler>
  absl::StatusOr<T> Call(Handler handler) {
    const auto result = std::make_shared<absl::StatusOr<T>>(absl::UnknownError(""));
    const absl::Status status =
        around_.config_store->Call(process_, kConnect, kConfigTimeout,
                                   [result, handler = std::move(handler)](Instance& instance) {
                                     *result = handler(static_cast<ConfigInstance&>(instance));
                                   });
    if (!status.ok()) return status;
    return *result;
  }
  template <typename Handler>
  absl::Status Do(Handler handler) {
    return Call<bool>(
               [handler = std::move(handler)](ConfigInstance& config) -> absl::StatusOr<bool> {
                 if (absl::Status s = handler(config); !s.ok()) return s;
                 return true;
               })
        .status();
  }

  Process& process_;
  Surroundings& around_;
};

class ProcessPorts : public cloud_link::ProcessPort {
 public:
  ProcessPorts(Process& process, Surroundings& around) : process_(process), around_(around) {}

  absl::StatusOr<tixml::Node> Get(absl::string_view path) override {
    return Call<tixml::Node>(
        kGetTimeout,
        [path = std::string(path)](ProcessInstance& data) -> absl::StatusOr<tixml::Node> {
          const std::string normalized = process_data::NormalizePath(path);
          const auto readings = data.image().Read(normalized);
          if (!readings.ok()) return readings.status();
          return tixml::FromProto(process_data::BuildTree(normalized, *readings));
        });
  }
  absl::Status Set(absl::string_view path, absl::string_view value) override {
    return Call<bool>(kSetTimeout,
                      [&around = around_, path = std::string(path),
                       value = std::string(value)](ProcessInstance& data) -> absl::StatusOr<bool> {
                        absl::Status status = SetAt(data, around, path, value);
                        if (!status.ok()) return status;
                        return true;
                      })
        .status();
  }
  absl::StatusOr<int64_t> RecordLog(absl::string_view log) override {
    return Call<int64_t>(kLogTimeout, [log = std::string(log)](ProcessInstance& data) {
      return data.logs().Record(log, data.process().clock().Now() + kLogTimeout);
    });
  }
  absl::StatusOr<process_data::v1::ReadLogResponse> ReadLog(
      const process_data::v1::ReadLogRequest& request) override {
    using Response = process_data::v1::ReadLogResponse;
    return Call<Response>(kLogTimeout,
                          [request](ProcessInstance& data) -> absl::StatusOr<Response> {
                            const auto query = process_data::ToQuery(request);
                            if (!query.ok()) return query.status();
                            auto records = data.logs().Read(request.log(), *query);
                            if (!records.ok()) return records.status();
                            Response response;
                            process_data::ToProto(*records, response);
                            return response;
                          });
  }
  absl::StatusOr<process_data::v1::ListLogsResponse> ListLogs() override {
    using Response = process_data::v1::ListLogsResponse;
    return Call<Response>(kLogTimeout, [](ProcessInstance& data) -> absl::StatusOr<Response> {
      Response response;
      for (const auto& listed : data.logs().List()) {
        process_data::ToProto(listed, *response.add_logs());
      }
      return response;
    });
  }

 private:
  static absl::Status SetAt(ProcessInstance& data, Surroundings& around, const std::string& path,
                            const std::string& value) {
    if (!data.process().alive()) return absl::UnavailableError("process_data ends");
    around.portal.OnExecuted(value);
    const bool mode = path.find("/Program/Mode") != std::string::npos;
    // One change of the mode waits for the other, as on a mutex.
    while (mode && data.setting_mode) data.process().Sleep(absl::Milliseconds(10));
    if (mode) data.setting_mode = true;
    if (mode) around.field.Disturb();
    absl::Status status =
        data.control().Set(path, value, data.process().clock().Now() + kLongestSet);
    if (mode) around.field.Disturb();
    if (mode) data.setting_mode = false;
    return status;
  }

  template <typename T, typename Handler>
  absl::StatusOr<T> Call(absl::Duration timeout, Handler handler) {
    const auto result = std::make_shared<absl::StatusOr<T>>(absl::UnknownError(""));
    const absl::Status status = around_.process_data->Call(
        process_, kConnect, timeout, [result, handler = std::move(handler)](Instance& instance) {
          *result = handler(static_cast<ProcessInstance&>(instance));
        });
    if (!status.ok()) return status;
    return *result;
  }

  Process& process_;
  Surroundings& around_;
};

// A server stream of values. Both ends share this; events and the server's thread
// carry the batches.
struct Stream : public std::enable_shared_from_this<Stream> {
  Stream(Process& process, Surroundings& around) : client(process), around(around) {}

  Process& client;
  Surroundings& around;
  std::vector<std::string> paths;
  std::function<void(std::unique_ptr<process_data::v1::ValueBatch>)> on_batch;
  std::function<void()> on_lost;

  bool closed = false;  // by the client
  bool any = false;     // came on this connection
  int under_way = 0;
  process_data::Subscription* subscription = nullptr;
  MonotonicTime last{absl::ZeroDuration()};

  bool HasClient() const { return !closed && client.alive(); }

  void Connect() {
    if (!HasClient()) return;
    ServiceHost& host = *around.process_data;
    if (!host.up()) {
      around.scheduler.After(kTryAgain, [self = shared_from_this()] { self->Connect(); });
      return;
    }
    under_way = 0;
    host.process()->Detach([self = shared_from_this(), instance = host.instance()] {
      self->Serve(static_cast<ProcessInstance&>(*instance));
      self->around.scheduler.After(absl::Milliseconds(1), [self] { self->Lost(); });
    });
  }

  // On the server's thread.
  void Serve(ProcessInstance& data) {
    auto subscribed = data.image().Subscribe(paths, /*subtree=*/false);
    if (!subscribed.ok()) return;
    subscription = subscribed->get();
    data.streams().push_back(subscription);
    process_data::Batch batch;
    while (!data.stopping() && !closed) {
      // Not read yet: what gRPC holds for the client is bounded, too.
      if (under_way > kMaxBatches) {
        data.process().Sleep(absl::Milliseconds(5));
        continue;
      }
      if (!subscription->Next(absl::Hours(1), batch)) continue;
      if (!data.process().alive()) break;
      const auto message = std::make_shared<process_data::v1::ValueBatch>();
      process_data::ToProto(batch, *message);
      ++under_way;
      last = std::max(last + absl::Microseconds(1),
                      around.scheduler.now() + around.process_data->DrawLatency());
      around.scheduler.At(last, [self = shared_from_this(), message] {
        if (!self->HasClient()) return;
        self->any = true;
        self->on_batch(std::make_unique<process_data::v1::ValueBatch>(*message));
      });
    }
    std::erase(data.streams(), subscription);
    subscription = nullptr;
  }

  void Lost() {
    if (!HasClient()) return;
    if (std::exchange(any, false)) on_lost();
    around.scheduler.After(kTryAgain, [self = shared_from_this()] { self->Connect(); });
  }
};

class SimulatedValueStream : public cloud_link::ValueStream {
 public:
  explicit SimulatedValueStream(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  ~SimulatedValueStream() override {
    stream_->closed = true;
    if (stream_->subscription != nullptr) stream_->subscription->Interrupt();
  }
  void Consumed() override { --stream_->under_way; }

 private:
  const std::shared_ptr<Stream> stream_;
};

// What is shown of cloud_link's values; again after each start of process_data.
struct Shown : public std::enable_shared_from_this<Shown> {
  Shown(Process& process, Surroundings& around) : client(process), around(around) {}

  Process& client;
  Surroundings& around;
  std::vector<std::pair<std::string, std::string>> values;
  bool closed = false;
  bool pushing = false;
  uint64_t generation = 0;
  std::weak_ptr<process_data::Report> report;
  std::map<std::string, std::string> sent;

  void PushSoon(absl::Duration after) {
    if (pushing) return;
    pushing = true;
    around.scheduler.After(after, [self = shared_from_this()] {
      self->pushing = false;
      self->Push();
    });
  }

  void Push() {
    ServiceHost& host = *around.process_data;
    if (closed || !client.alive()) {
      if (host.up() && host.generation() == generation) {
        std::erase(static_cast<ProcessInstance*>(host.instance())->reports(), report.lock());
      }
      return;
    }
    if (!host.up()) return PushSoon(kTryAgain);
    auto& data = *static_cast<ProcessInstance*>(host.instance());
    if (host.generation() != generation) {
      generation = host.generation();
      data.reports().push_back(data.image().OpenReport());
      report = data.reports().back();
      sent.clear();
    }
    std::map<std::string, std::string> shown(values.begin(), values.end());
    std::vector<std::pair<std::string, std::string>> changed;
    for (const auto& value : values) {
      const auto old = sent.find(value.first);
      if (old == sent.end() || old->second != value.second) changed.push_back(value);
    }
    std::vector<std::string> removed;
    for (const auto& [path, value] : sent) {
      if (!shown.contains(path)) removed.push_back(path);
    }
    sent = std::move(shown);
    if (changed.empty() && removed.empty()) return PushSoon(absl::Seconds(1));
    const absl::Status status = report.lock()->Update(removed, changed, around.scheduler.wall());
    if (!status.ok()) around.trace.Fail("a report of values: ", status.ToString());
    PushSoon(absl::Seconds(1));
  }
};

class SimulatedReporter : public cloud_link::ValueReporter {
 public:
  SimulatedReporter(Process& process, Surroundings& around)
      : shown_(std::make_shared<Shown>(process, around)) {}
  ~SimulatedReporter() override { shown_->closed = true; }
  void Show(std::vector<std::pair<std::string, std::string>> values) override {
    shown_->values = std::move(values);
    shown_->PushSoon(absl::Milliseconds(1));
  }

 private:
  const std::shared_ptr<Shown> shown_;
};

}  // namespace

std::unique_ptr<cloud_link::ConfigClient> MakeConfigClient(Process& process, Surroundings& around) {
  return std::make_unique<ConfigPorts>(process, around);
}

std::unique_ptr<cloud_link::ProcessPort> MakeProcessPort(Process& process, Surroundings& around) {
  return std::make_unique<ProcessPorts>(process, around);
}

std::unique_ptr<cloud_link::ValueReporter> MakeReporter(Process& process, Surroundings& around) {
  return std::make_unique<SimulatedReporter>(process, around);
}

std::unique_ptr<cloud_link::ValueStream> MakeValueStream(
    Process& process, Surroundings& around, const std::vector<std::string>& paths,
    std::function<void(std::unique_ptr<process_data::v1::ValueBatch>)> on_batch,
    std::function<void()> on_lost) {
  const auto stream = std::make_shared<Stream>(process, around);
  stream->paths = paths;
  stream->on_batch = std::move(on_batch);
  stream->on_lost = std::move(on_lost);
  around.scheduler.After(absl::Milliseconds(1), [stream] { stream->Connect(); });
  return std::make_unique<SimulatedValueStream>(stream);
}

}  // namespace fieldgate::simulation
