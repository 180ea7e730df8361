#include "services/config_store/main.h"

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/rpc/rpc.h"
#include "common/service/service.h"
#include "common/time/clock.h"
#include "common/time/threads.h"
#include "services/config_store/config_store_service.h"
#include "services/config_store/configuration_store.h"
#include "services/config_store/device_identity.h"
#include "services/config_store/probation/timer_thread.h"

namespace fieldgate::config_store {
namespace {

// `misused` tells that the device file is wrong: a new start would not help.
absl::Status Run(const service::Options& options, const std::function<void()>& wait,
                 bool& misused) {
  const absl::StatusOr<v1::Device> device = ReadDeviceIdentity(options.device_file);
  misused = absl::IsInvalidArgument(device.status());
  if (!device.ok()) return device.status();
  absl::StatusOr<std::unique_ptr<ConfigurationStore>> store =
      ConfigurationStore::Open(options.state_dir.File("config.db"), *device, RealClock());
  if (!store.ok()) return store.status();
  TimerThread probations([&store] { return (*store)->SettleProbations(); }, RealThreads());
  (*store)->SetDeadlineListener([&probations] { probations.Wake(); });
  ConfigStoreService service(**store, options.state_dir.File("factory.tixml"));
  const std::string socket = options.state_dir.Socket("config_store");
  absl::StatusOr<std::unique_ptr<rpc::Server>> server =
      rpc::Server::Start(socket, {service.service()});
  if (!server.ok()) return server.status();
  log::Info("ready", {{"socket", socket},
                      {"serial_number", device->serial_number()},
                      {"revision", absl::StrCat((*store)->Current()->revision())}});
  wait();
  service.Shutdown();
  (*server)->Shutdown(absl::Seconds(1));
  return absl::OkStatus();
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
