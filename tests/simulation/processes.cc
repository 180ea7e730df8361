#include "tests/simulation/processes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/cloud_link/command/sqlite_factory_journal.h"
#include "services/cloud_link/command/sqlite_program_journal.h"
#include "services/cloud_link/command/sqlite_request_log.h"
#include "services/cloud_link/events/sqlite_event_store.h"
#include "services/cloud_link/outbox/tiered_outbox.h"
#include "services/process_data/logging/sqlite_log_store.h"
#include "services/process_data/report.h"
#include "services/process_data/sqlite_variable_store.h"
#include "services/process_data/subscription.h"
#include "services/process_data/variables.h"
#include "tests/simulation/ports.h"

namespace fieldgate::simulation {

config_store::v1::Device SimulatedDevice() {
  config_store::v1::Device device;
  device.set_serial_number(kSerial);
  device.set_product_name("WT640");
  return device;
}

// --- ConfigFollower ---------------------------------------------------------------

ConfigFollower::ConfigFollower(
    Process& process, Surroundings& around,
    std::function<void(config_store::v1::Configuration)> on_configuration,
    std::function<void(bool)> on_link)
    : process_(process),
      around_(around),
      on_configuration_(std::move(on_configuration)),
      on_link_(std::move(on_link)),
      changed_(process.MakeConditionVariable()),
      thread_(process.Start([this] { Run(); })) {}

ConfigFollower::~ConfigFollower() {
  stopping_ = true;
  changed_->NotifyAll();
  thread_->Join();
}

void ConfigFollower::Run() {
  constexpr absl::Duration kLook = absl::Milliseconds(100);
  const auto rest = [this] {
    std::unique_lock lock(mutex_);
    if (!stopping_) changed_->WaitUntil(lock, process_.clock().Now() + kLook);
  };
  ServiceHost& host = *around_.config_store;
  while (!stopping_) {
    const uint64_t generation = host.generation();
    std::shared_ptr<const config_store::v1::Configuration> sent;
    while (!stopping_ && process_.alive() && host.up() && host.generation() == generation) {
      const auto latest = static_cast<ConfigInstance*>(host.instance())->latest();
      if (latest == sent) {
        rest();
        continue;
      }
      process_.Sleep(host.DrawLatency());
      if (stopping_ || !process_.alive()) break;
      if (sent == nullptr) on_link_(true);
      sent = latest;
      on_configuration_(*latest);
    }
    if (sent != nullptr) on_link_(false);
    rest();
  }
}

// --- config_store -----------------------------------------------------------------

absl::StatusOr<std::unique_ptr<Instance>> ConfigInstance::Start(Process& process,
                                                                Surroundings& around) {
  auto instance = std::make_unique<ConfigInstance>(process);
  absl::StatusOr<std::unique_ptr<config_store::ConfigurationStore>> store =
      config_store::ConfigurationStore::Open("/config/config.db", SimulatedDevice(),
                                             process.clock(), &around.disk);
  if (!store.ok()) return store.status();
  instance->store_ = *std::move(store);
  config_store::ConfigurationStore& s = *instance->store_;
  around.on_config_opened(s);
  instance->probations_ =
      std::make_unique<config_store::TimerThread>([&s] { return s.SettleProbations(); }, process);
  s.SetDeadlineListener([timer = instance->probations_.get()] { timer->Wake(); });
  instance->latest_ = s.Current();
  s.SetListener([self = instance.get()](std::shared_ptr<const config_store::v1::Configuration> c) {
    self->latest_ = std::move(c);
  });
  return instance;
}

void ConfigInstance::TakeApart() {
  process_.JoinDetached();
  store_->SetDeadlineListener(nullptr);
  probations_.reset();
  store_.reset();
}

// --- process_data -----------------------------------------------------------------

absl::StatusOr<std::unique_ptr<Instance>> ProcessInstance::Start(Process& process,
                                                                 Surroundings& around) {
  auto instance = std::make_unique<ProcessInstance>(process);
  const Clock& clock = process.clock();
  instance->image_ = std::make_unique<process_data::ProcessImage>(clock.WallNow(), process);
  process_data::ProcessImage& image = *instance->image_;
  absl::StatusOr<std::unique_ptr<process_data::VariableStore>> store =
      process_data::OpenSqliteVariableStore("/process/process.db", &around.disk);
  if (!store.ok()) return store.status();
  absl::StatusOr<std::unique_ptr<process_data::Variables>> variables =
      process_data::Variables::Open(*std::move(store), image, clock);
  if (!variables.ok()) return variables.status();
  around.field.Disturb();
  instance->control_ = std::make_unique<process_data::ProcessControl>(
      image, process, *std::move(variables),
      [&process, &around](const std::string& host, uint16_t) {
        return around.field.Connect(process, host);
      });
  instance->logs_ = std::make_unique<process_data::DataLogs>(
      image, process_data::MakeSqliteLogStore("/process/logs.db", &around.disk), process,
      [](const std::vector<std::string>&) -> std::shared_ptr<void> { return nullptr; });
  instance->follower_ = std::make_unique<ConfigFollower>(
      process, around,
      [self = instance.get(), &around](const config_store::v1::Configuration& configuration) {
        around.field.Disturb();
        self->control_->AdoptEpoch(configuration.factory_epoch());
        self->control_->Configure(configuration.acquisition());
        around.field.Disturb();
        self->logs_->Configure(configuration);
      },
      [](bool) {});
  return instance;
}

void ProcessInstance::TakeApart() {
  stopping_ = true;
  follower_.reset();
  for (process_data::Subscription* stream : streams_) stream->Interrupt();
  process_.JoinDetached();
  reports_.clear();
  logs_.reset();
  control_.reset();
  image_.reset();
}

// --- cloud_link -------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<Instance>> CloudInstance::Start(Process& process,
                                                               Surroundings& around) {
  auto instance = std::make_unique<CloudInstance>(process);
  absl::StatusOr<std::unique_ptr<cloud_link::OutboxFile>> file =
      cloud_link::OutboxFile::Open("/cloud/cloud_link.db", &around.disk);
  if (!file.ok()) return Annotate(file.status(), "outbox");
  instance->file_ = *std::move(file);
  cloud_link::OutboxFile& f = *instance->file_;
  absl::StatusOr<std::unique_ptr<cloud_link::FactoryJournal>> factory =
      cloud_link::OpenSqliteFactoryJournal(f);
  if (!factory.ok()) return factory.status();
  instance->factory_ = *std::move(factory);
  absl::StatusOr<std::unique_ptr<cloud_link::ProgramJournal>> journal =
      cloud_link::OpenSqliteProgramJournal(f);
  if (!journal.ok()) return journal.status();
  instance->journal_ = *std::move(journal);
  instance->config_ = MakeConfigClient(process, around);
  instance->port_ = MakeProcessPort(process, around);
  instance->reporter_ = MakeReporter(process, around);
  instance->events_ = cloud_link::MakeSqliteEventStore(f);

  cloud_link::GatewayPorts ports;
  ports.threads = &process;
  ports.config = instance->config_.get();
  ports.process = instance->port_.get();
  ports.reporter = instance->reporter_.get();
  ports.journal = instance->journal_.get();
  ports.factory = instance->factory_.get();
  ports.events = instance->events_.get();
  ports.open_outbox =
      [&f, &around](
          const std::string& connector) -> absl::StatusOr<std::unique_ptr<cloud_link::Outbox>> {
    auto outbox = f.Connector(connector, cloud_link::OutboxLimits());
    if (!outbox.ok()) return outbox.status();
    return std::make_unique<RecordingOutbox>(
        Mutate(around.mutation, std::make_unique<cloud_link::TieredOutbox>(*std::move(outbox))),
        around.portal.ledger(connector), around.shrink_outbox);
  };
  ports.open_requests =
      [&f, &around](
          const std::string& connector) -> absl::StatusOr<std::unique_ptr<cloud_link::RequestLog>> {
    auto requests = cloud_link::OpenSqliteRequestLog(f, connector);
    if (!requests.ok()) return requests.status();
    return Mutate(around.mutation, *std::move(requests));
  };
  ports.make_mqtt = [&process, &around](cloud_link::MqttListener& listener) {
    return Mutate(around.mutation,
                  std::make_unique<SimulatedMqttClient>(process, listener, around.find_broker),
                  listener);
  };
  ports.subscribe = [&process, &around](const std::vector<std::string>& paths, auto on_batch,
                                        auto on_lost) {
    return MakeValueStream(process, around, paths, std::move(on_batch), std::move(on_lost));
  };
  ports.certificate_path = [](absl::string_view name) { return absl::StrCat("/certs/", name); };
  ports.restart = [&process, &around](absl::string_view) {
    if (process.alive()) around.restart_all();
  };
  instance->gateway_ = std::make_unique<cloud_link::Gateway>(std::move(ports));
  cloud_link::Gateway& gateway = *instance->gateway_;
  instance->loop_ = process.Start([&gateway] { gateway.Run(); });
  if (around.mutation == Mutation::kBusyLoop) {
    process.Detach([&process] {
      while (process.alive()) process.Sleep(absl::Microseconds(20));
    });
  }
  instance->follower_ = std::make_unique<ConfigFollower>(
      process, around,
      [&gateway](config_store::v1::Configuration c) { gateway.OnConfiguration(std::move(c)); },
      [&gateway](bool up) { gateway.OnConfigLink(up); });
  return instance;
}

void CloudInstance::TakeApart() {
  follower_.reset();
  gateway_->Stop();
  loop_->Join();
  process_.JoinDetached();
  gateway_.reset();
  events_.reset();
  reporter_.reset();
  port_.reset();
  config_.reset();
  journal_.reset();
  factory_.reset();
  file_.reset();
}

}  // namespace fieldgate::simulation
