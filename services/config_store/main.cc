#include "services/config_store/main.h"

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/rpc/rpc.h"
#include "common/service/databases.h"
#include "common/service/service.h"
#include "common/time/clock.h"
#include "common/time/threads.h"
#include "services/config_store/config_recovery.h"
#include "services/config_store/config_store_service.h"
#include "services/config_store/configuration_store.h"
#include "services/config_store/device_identity.h"
#include "services/config_store/factory_file.h"
#include "services/config_store/probation/timer_thread.h"

namespace fieldgate::config_store {
namespace {

// Never without any configuration if there is one.
void AdoptFactory(ConfigurationStore& store, const std::string& factory_file) {
  const absl::StatusOr<std::vector<tixml::Node>> commands = ReadFactoryFile(factory_file);
  absl::Status status = commands.status();
  if (status.ok() && commands->empty()) {
    log::Error(
        "nothing of the configuration could be read, and there is no factory.tixml: "
        "the gateway has no configuration");
    return;
  }
  if (status.ok()) {
    const absl::StatusOr<v1::SetConfigResponse> adopted = store.AdoptFactory(*commands);
    status = adopted.status();
    if (adopted.ok() && !adopted->applied())
      status = absl::FailedPreconditionError("it is not valid");
  }
  if (!status.ok()) {
    log::Error("the factory's configuration can't be used: the gateway has no configuration",
               {{"file", factory_file}, {"why", status.ToString()}});
  }
}

// `misused` tells that the device file is wrong: a new start would not help.
absl::Status Run(const service::Options& options, const std::function<void()>& wait,
                 bool& misused) {
  const absl::StatusOr<v1::Device> device = ReadDeviceIdentity(options.device_file);
  misused = absl::IsInvalidArgument(device.status());
  if (!device.ok()) return device.status();
  const std::string path = options.state_dir.File("config.db");
  const std::string factory_file = options.state_dir.File("factory.tixml");
  service::Databases databases({path});
  const auto recovered = RecoverConfig(path, sqlite::RealDisk(), RealClock().WallNow());
  if (!recovered.ok()) return recovered.status();
  absl::StatusOr<std::unique_ptr<ConfigurationStore>> store = ConfigurationStore::Open(
      path, *device, RealClock(), /*disk=*/nullptr, databases.OnDamage(path));
  if (!store.ok()) return databases.AtStart(path, store.status());
  if ((*store)->NothingLeft()) AdoptFactory(**store, factory_file);
  databases
      .Tell([&store](const std::string& line) {
        v1::SupportLogEntry entry;
        entry.set_source("config_store");
        entry.set_message(line);
        return (*store)->AppendMessage(entry);
      })
      .IgnoreError();  // they stay untold
  TimerThread probations([&store] { return (*store)->SettleProbations(); }, RealThreads());
  (*store)->SetDeadlineListener([&probations] { probations.Wake(); });
  ConfigStoreService service(**store, factory_file);
  const std::string socket = options.state_dir.Socket("config_store");
  absl::StatusOr<std::unique_ptr<rpc::Server>> server = rpc::Server::Start(
      socket, {service.service()}, [&databases] { return databases.ListRecoveries(); });
  if (!server.ok()) return server.status();
  log::Info("ready", {{"socket", socket},
                      {"serial_number", device->serial_number()},
                      {"revision", absl::StrCat((*store)->Current()->revision())}});
  wait();
  service.Shutdown();
  (*server)->Shutdown(absl::Seconds(1));
  return databases.damage();
}

}  // namespace

int Main(int argc, char** argv) {
  constexpr int kMisuse = 2;  // as service::Main has it
  bool misused = false;
  const int status =
      service::Main("config_store", argc, argv,
                    [&misused](const service::Options& options, const std::function<void()>& wait) {
                      return Run(options, wait, misused);
                    });
  return misused ? kMisuse : status;
}

}  // namespace fieldgate::config_store
