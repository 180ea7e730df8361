#include "services/process_data/main.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/rpc.h"
#include "common/service/service.h"
#include "common/time/clock.h"
#include "grpcpp/impl/codegen/service_type.h"
#include "services/process_data/configuration_watcher.h"
#include "services/process_data/logging/data_logs.h"
#include "services/process_data/logging/sqlite_log_store.h"
#include "services/process_data/modbus/modbus_bus.h"
#include "services/process_data/process_control.h"
#include "services/process_data/process_data_service.h"
#include "services/process_data/process_image.h"
#include "services/process_data/sqlite_variable_store.h"
#include "services/process_data/support_log.h"
#include "services/process_data/system/system_tree.h"
#include "services/process_data/variables.h"

namespace fieldgate::process_data {
namespace {

CycleTimes CycleTimesOf(const std::vector<DeviceStatus>& devices) {
  CycleTimes times;
  for (const DeviceStatus& device : devices) {
    times.last = std::max(times.last, device.last_poll);
    times.longest = std::max(times.longest, device.longest_poll);
  }
  return times;
}

// Of the calls that run when the service stops. Streams always use all of it.
constexpr absl::Duration kGrace = absl::Milliseconds(250);

absl::Status Run(const service::Options& options, const std::function<void()>& wait) {
  const Clock& clock = RealClock();
  ProcessImage image(clock.WallNow());
  absl::StatusOr<std::unique_ptr<VariableStore>> store =
      OpenSqliteVariableStore(options.state_dir.File("process.db"));
  if (!store.ok()) return store.status();
  absl::StatusOr<std::unique_ptr<Variables>> variables =
      Variables::Open(*std::move(store), image, clock);
  if (!variables.ok()) return variables.status();
  ProcessControl control(image, clock, *std::move(variables),
                         [](const std::string& host, uint16_t port) {
                           return std::make_shared<ModbusBus>(host, port);
                         });
  const std::shared_ptr<grpc::Channel> config_store =
      rpc::Connect(options.state_dir.Socket("config_store"));
  SystemTree system(
      image, clock,
      SystemReader(clock, {.root = "",
                           .state_dir = options.state_dir.path,
                           .support_log = SupportLogCounter(config_store),
                           .cycle_times = [&control] { return CycleTimesOf(control.Devices()); }}));
  DataLogs logs(image, MakeSqliteLogStore(options.state_dir.File("logs.db"), clock), clock,
                [&system](const std::vector<std::string>& paths) -> std::shared_ptr<void> {
                  return system.Subscribe(paths, /*subtree=*/false);
                });
  const std::unique_ptr<grpc::Service> service =
      MakeProcessDataService(image, control, clock, &system, &logs);
  absl::StatusOr<std::unique_ptr<rpc::Server>> server =
      rpc::Server::Start(options.state_dir.Socket("process_data"), {service.get()});
  if (!server.ok()) return server.status();
  {
    const ConfigurationWatcher watcher(config_store,
                                       [&](const config_store::v1::Configuration& configuration) {
                                         system.Configure(configuration.device());
                                         control.AdoptEpoch(configuration.factory_epoch());
                                         control.Configure(configuration.acquisition());
                                         logs.Configure(configuration);
                                       });
    wait();
    (*server)->Shutdown(kGrace);
  }
  return absl::OkStatus();
}

}  // namespace

int Main(int argc, char** argv) { return service::Main("process_data", argc, argv, Run); }

}  // namespace fieldgate::process_data
