#include "services/cloud_link/main.h"

#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/rpc.h"
#include "common/service/databases.h"
#include "common/service/service.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/sqlite.h"
#include "common/status/status.h"
#include "services/cloud_link/clients/config_client.h"
#include "services/cloud_link/clients/process_client.h"
#include "services/cloud_link/clients/restart_client.h"
#include "services/cloud_link/cloud_link_service.h"
#include "services/cloud_link/command/sqlite_factory_journal.h"
#include "services/cloud_link/command/sqlite_program_journal.h"
#include "services/cloud_link/command/sqlite_request_log.h"
#include "services/cloud_link/events/sqlite_event_store.h"
#include "services/cloud_link/gateway.h"
#include "services/cloud_link/mqtt/paho_mqtt_client.h"
#include "services/cloud_link/outbox/outbox_recovery.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"
#include "services/cloud_link/outbox/tiered_outbox.h"

namespace fieldgate::cloud_link {
namespace {

absl::Status Run(const service::Options& options, const std::function<void()>& wait) {
  const service::StateDir& dir = options.state_dir;
  const std::string path = dir.File("cloud_link.db");
  service::Databases databases({path});
  const auto recovered = RecoverOutbox(path, sqlite::RealDisk(), absl::Now());
  if (!recovered.ok()) return recovered.status();
  absl::StatusOr<std::unique_ptr<OutboxFile>> file =
      OutboxFile::Open(path, /*disk=*/nullptr, databases.OnDamage(path));
  if (!file.ok()) return databases.AtStart(path, Annotate(file.status(), "outbox"));

  const absl::StatusOr<std::unique_ptr<FactoryJournal>> factory = OpenSqliteFactoryJournal(**file);
  if (!factory.ok()) return databases.AtStart(path, factory.status());
  absl::StatusOr<std::unique_ptr<ProgramJournal>> journal = OpenSqliteProgramJournal(**file);
  if (!journal.ok()) return databases.AtStart(path, Annotate(journal.status(), "journal"));

  const std::string config_socket = dir.Socket("config_store");
  const std::string process_socket = dir.Socket("process_data");
  const std::unique_ptr<ConfigClient> config = MakeGrpcConfigClient(config_socket);
  const std::unique_ptr<ProcessPort> process = MakeGrpcProcessPort(process_socket);
  const std::unique_ptr<ValueReporter> reporter = MakeValueReporter(process_socket);
  const std::unique_ptr<EventStore> events = MakeSqliteEventStore(**file);

  GatewayPorts ports;
  ports.config = config.get();
  ports.factory = factory->get();
  ports.process = process.get();
  ports.reporter = reporter.get();
  ports.journal = journal->get();
  ports.open_outbox =
      [&file](const std::string& connector) -> absl::StatusOr<std::unique_ptr<Outbox>> {
    absl::StatusOr<std::unique_ptr<DurableOutbox>> disk =
        (*file)->Connector(connector, OutboxLimits());
    if (!disk.ok()) return disk.status();
    return std::make_unique<TieredOutbox>(*std::move(disk));
  };
  ports.open_requests = [&file](const std::string& connector) {
    return OpenSqliteRequestLog(**file, connector);
  };
  ports.free_bytes = [&file] { return sqlite::RealDisk().FreeBytes((*file)->database().path()); };
  ports.events = events.get();
  ports.make_mqtt = [](MqttListener& listener) { return MakePahoMqttClient(listener); };
  ports.subscribe = [&process_socket](const std::vector<std::string>& paths, auto on_batch,
                                      auto on_lost) {
    return SubscribeValues(process_socket, paths, std::move(on_batch), std::move(on_lost));
  };
  ports.certificate_path = [&dir](absl::string_view name) {
    return absl::StrCat(dir.Certs(), "/", name);
  };
  ports.tell_recoveries =
      [&databases, note = (*file)->note()](
          const std::function<absl::Status(const std::string&)>& append) mutable {
        if (!note.empty()) {
          if (absl::Status s = append(note); !s.ok()) return s;
          note.clear();
        }
        return databases.Tell(append);
      };
  ports.restart = [&](absl::string_view origin) {
    RestartServices({config_socket, process_socket}, origin);
  };
  Gateway gateway(std::move(ports));
  CloudLinkService cloud_link_service(gateway);
  absl::StatusOr<std::unique_ptr<rpc::Server>> server =
      rpc::Server::Start(dir.Socket("cloud_link"), {&cloud_link_service},
                         [&databases] { return databases.ListRecoveries(); });
  if (!server.ok()) return server.status();

  std::thread loop([&gateway] { gateway.Run(); });
  {
    const std::unique_ptr<ConfigWatch> watch = WatchConfiguration(
        config_socket,
        [&gateway](config_store::v1::Configuration c) { gateway.OnConfiguration(std::move(c)); },
        [&gateway](bool up) { gateway.OnConfigLink(up); });
    wait();
  }
  gateway.Stop();
  loop.join();
  (*server)->Shutdown(absl::Seconds(1));
  return databases.damage();
}

}  // namespace

int Main(int argc, char** argv) { return service::Main("cloud_link", argc, argv, Run); }

}  // namespace fieldgate::cloud_link
