#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/testing/simulated_disk.h"
#include "services/cloud_link/gateway.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"
#include "services/config_store/configuration_store.h"
#include "services/config_store/probation/timer_thread.h"
#include "services/process_data/logging/data_logs.h"
#include "services/process_data/process_control.h"
#include "services/process_data/process_image.h"
#include "tests/simulation/broker.h"
#include "tests/simulation/field.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/mutation.h"
#include "tests/simulation/portal_model.h"
#include "tests/simulation/service_host.h"

namespace fieldgate::simulation {

class ConfigInstance;

// What the three processes meet outside of themselves.
struct Surroundings {
  Scheduler& scheduler;
  Trace& trace;
  SimulatedDisk& disk;
  Field& field;
  PortalModel& portal;
  SimulatedMqttClient::FindBroker find_broker;
  ServiceHost* config_store = nullptr;
  ServiceHost* process_data = nullptr;
  ServiceHost* cloud_link = nullptr;
  // The bound of the outboxes is so many times smaller than configured.
  int64_t shrink_outbox = 1;
  Mutation mutation = Mutation::kNone;
  // What is in force after each change that was answered as applied.
  std::function<void(const config_store::ConfigurationStore&)> on_applied = nullptr;
  // A config_store has started with it.
  std::function<void(config_store::ConfigurationStore&)> on_config_opened = nullptr;
  // A service asked for a restart of all.
  std::function<void()> restart_all = nullptr;
};

config_store::v1::Device SimulatedDevice();

// Follows the configuration for a service, as WatchConfiguration does: across
// restarts of config_store, the newest one always arrives. Lives in `process`.
class ConfigFollower {
 public:
  ConfigFollower(Process& process, Surroundings& around,
                 std::function<void(config_store::v1::Configuration)> on_configuration,
                 std::function<void(bool)> on_link);
  ~ConfigFollower();

 private:
  void Run();

  Process& process_;
  Surroundings& around_;
  const std::function<void(config_store::v1::Configuration)> on_configuration_;
  const std::function<void(bool)> on_link_;
  const std::unique_ptr<ConditionVariable> changed_;
  std::mutex mutex_;
  bool stopping_ = false;
  const std::unique_ptr<Thread> thread_;
};

class ConfigInstance : public Instance {
 public:
  static absl::StatusOr<std::unique_ptr<Instance>> Start(Process& process, Surroundings& around);
  explicit ConfigInstance(Process& process) : process_(process) {}
  void TakeApart() override;

  config_store::ConfigurationStore& store() { return *store_; }
  const std::shared_ptr<const config_store::v1::Configuration>& latest() const { return latest_; }

 private:
  Process& process_;
  std::unique_ptr<config_store::ConfigurationStore> store_;
  std::unique_ptr<config_store::TimerThread> probations_;
  std::shared_ptr<const config_store::v1::Configuration> latest_;
};

class ProcessInstance : public Instance {
 public:
  static absl::StatusOr<std::unique_ptr<Instance>> Start(Process& process, Surroundings& around);
  explicit ProcessInstance(Process& process) : process_(process) {}
  void TakeApart() override;

  process_data::ProcessImage& image() { return *image_; }
  process_data::ProcessControl& control() { return *control_; }
  process_data::DataLogs& logs() { return *logs_; }
  Process& process() { return process_; }
  bool stopping() const { return stopping_; }
  bool setting_mode = false;  // by one call at a time
  // Subscriptions that streams read, to end them.
  std::vector<process_data::Subscription*>& streams() { return streams_; }
  std::vector<std::shared_ptr<process_data::Report>>& reports() { return reports_; }

 private:
  Process& process_;
  bool stopping_ = false;
  std::unique_ptr<process_data::ProcessImage> image_;
  std::unique_ptr<process_data::ProcessControl> control_;
  std::unique_ptr<process_data::DataLogs> logs_;
  std::unique_ptr<ConfigFollower> follower_;
  std::vector<process_data::Subscription*> streams_;
  std::vector<std::shared_ptr<process_data::Report>> reports_;
};

class CloudInstance : public Instance {
 public:
  static absl::StatusOr<std::unique_ptr<Instance>> Start(Process& process, Surroundings& around);
  explicit CloudInstance(Process& process) : process_(process) {}
  void TakeApart() override;

  cloud_link::Gateway& gateway() { return *gateway_; }

 private:
  Process& process_;
  std::unique_ptr<cloud_link::OutboxFile> file_;
  std::unique_ptr<cloud_link::FactoryJournal> factory_;
  std::unique_ptr<cloud_link::ProgramJournal> journal_;
  std::unique_ptr<cloud_link::ConfigClient> config_;
  std::unique_ptr<cloud_link::ProcessPort> port_;
  std::unique_ptr<cloud_link::ValueReporter> reporter_;
  std::unique_ptr<cloud_link::EventStore> events_;
  std::unique_ptr<cloud_link::Gateway> gateway_;
  std::unique_ptr<Thread> loop_;
  std::unique_ptr<ConfigFollower> follower_;
};

}  // namespace fieldgate::simulation
