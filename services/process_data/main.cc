#include "services/process_data/main.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/log/log.h"
#include "common/rpc/rpc.h"
#include "common/service/databases.h"
#include "common/service/service.h"
#include "common/time/clock.h"
#include "common/time/threads.h"
#include "grpcpp/impl/codegen/service_type.h"
#include "services/process_data/configuration_watcher.h"
#include "services/process_data/logging/data_logs.h"
#include "services/process_data/logging/log_recovery.h"
#include "services/process_data/logging/sqlite_log_store.h"
#include "services/process_data/message_log.h"
#include "services/process_data/modbus/modbus_bus.h"
#include "services/process_data/modem/modem_manager.h"
#include "services/process_data/modem/modem_watch.h"
#include "services/process_data/process_control.h"
#include "services/process_data/process_data_service.h"
#include "services/process_data/process_image.h"
#include "services/process_data/sqlite_variable_store.h"
#include "services/process_data/system/system_tree.h"
#include "services/process_data/variables.h"

namespace fieldgate::process_data {
namespace {

// Of the calls that run when the service stops. Streams always use all of it.
constexpr absl::Duration kGrace = absl::Milliseconds(250);
// A salvage that fails for now writes much before it does.
constexpr absl::Duration kRecoverAgain = absl::Seconds(30);

absl::Status Run(const service::Options& options, const std::function<void()>& wait) {
  const Clock& clock = RealClock();
  const std::string variables_path = options.state_dir.File("process.db");
  const std::string logs_path = options.state_dir.File("logs.db");
  service::Databases databases({variables_path, logs_path});
  const auto recovered = RecoverVariables(variables_path, sqlite::RealDisk(), clock.WallNow());
  if (!recovered.ok()) return recovered.status();
  // The rest needs no logs, so it does not wait until they can be recovered.
  const auto prepare_logs = [&clock, &logs_path, again_at = MonotonicTime(),
                             last = absl::Status()]() mutable {
    if (clock.Now() < again_at) return last;
    last = RecoverLogs(logs_path, sqlite::RealDisk(), clock.WallNow()).status();
    again_at = clock.Now() + kRecoverAgain;
    return last;
  };
  ProcessImage image(clock.WallNow());
  absl::StatusOr<std::unique_ptr<VariableStore>> store =
      OpenSqliteVariableStore(variables_path, /*disk=*/nullptr, databases.OnDamage(variables_path));
  if (!store.ok()) return databases.AtStart(variables_path, store.status());
  absl::StatusOr<std::unique_ptr<Variables>> variables =
      Variables::Open(*std::move(store), image, clock);
  if (!variables.ok()) return databases.AtStart(variables_path, variables.status());
  ProcessControl control(image, RealThreads(), *std::move(variables),
                         [](const std::string& host, uint16_t port) {
                           return std::make_shared<ModbusBus>(host, port);
                         });
  const std::shared_ptr<grpc::Channel> config_store =
      rpc::Connect(options.state_dir.Socket("config_store"));
  ModemWatch modem(std::make_unique<ModemManager>());
  SystemTree system(
      image, clock,
      SystemReader(
          clock, {.root = "",
                  .state_dir = options.state_dir.path,
                  .log_counter = MessageLogCounter(config_store),
                  .modem = [&modem](const std::string& interface) { return modem.Read(interface); },
                  .polling = [&control] { return control.Polling(); }}));
  DataLogs logs(
      image,
      MakeSqliteLogStore(logs_path, /*disk=*/nullptr, databases.OnDamage(logs_path), prepare_logs),
      RealThreads(), [&system](const std::vector<std::string>& paths) -> std::shared_ptr<void> {
        return system.Subscribe(paths, /*subtree=*/false);
      });
  const std::unique_ptr<grpc::Service> service =
      MakeProcessDataService(image, control, clock, &system, &logs);
  absl::StatusOr<std::unique_ptr<rpc::Server>> server =
      rpc::Server::Start(options.state_dir.Socket("process_data"), {service.get()},
                         [&databases] { return databases.ListRecoveries(); });
  if (!server.ok()) return server.status();
  {
    const ConfigurationWatcher watcher(
        config_store, [&](const config_store::v1::Configuration& configuration) {
          system.Configure(configuration.device());
          control.AdoptEpoch(configuration.factory_epoch());
          control.Configure(configuration.acquisition());
          logs.Configure(configuration);
          // Until config_store has taken it.
          databases
              .Tell([&](const std::string& line) { return AppendSupportLog(config_store, line); })
              .IgnoreError();
        });
    wait();
    (*server)->Shutdown(kGrace);
  }
  return databases.damage();
}

}  // namespace

int Main(int argc, char** argv) { return service::Main("process_data", argc, argv, Run); }

}  // namespace fieldgate::process_data
