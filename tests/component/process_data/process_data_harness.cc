#include "tests/component/process_data/process_data_harness.h"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/testing/process.h"
#include "common/time/clock.h"
#include "services/process_data/configuration_watcher.h"
#include "services/process_data/logging/data_logs.h"
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

void FakeConfigStore::Change(const std::function<void(config_store::v1::Configuration&)>& change) {
  std::lock_guard lock(mutex_);
  configuration_.set_revision(configuration_.revision() + 1);
  change(configuration_);
  changed_.notify_all();
}

void FakeConfigStore::Serve(const config_store::v1::Acquisition& acquisition) {
  Change([&](auto& configuration) { *configuration.mutable_acquisition() = acquisition; });
}

void FakeConfigStore::ServeDevice(const config_store::v1::Device& device) {
  Change([&](auto& configuration) { *configuration.mutable_device() = device; });
}

void FakeConfigStore::ServeLogs(const std::vector<config_store::v1::Log>& logs) {
  Change([&](auto& configuration) {
    configuration.clear_logs();
    for (const config_store::v1::Log& log : logs) *configuration.add_logs() = log;
  });
}

void FakeConfigStore::ServeFactoryEpoch(int64_t epoch) {
  Change([&](auto& configuration) { configuration.set_factory_epoch(epoch); });
}

grpc::Status FakeConfigStore::WatchConfiguration(
    grpc::ServerContext* context, const config_store::v1::WatchConfigurationRequest*,
    grpc::ServerWriter<config_store::v1::Configuration>* writer) {
  int64_t sent = -1;
  std::unique_lock lock(mutex_);
  while (!context->IsCancelled()) {
    if (configuration_.revision() != sent) {
      sent = configuration_.revision();
      if (!writer->Write(configuration_)) break;
    }
    // A call that is cancelled wakes nobody.
    changed_.wait_for(lock, std::chrono::milliseconds(10));
  }
  return grpc::Status::CANCELLED;
}

// What is subscribed to of the system is read again this often.
constexpr absl::Duration kRefreshPeriod = absl::Milliseconds(20);

// What main.cc puts together.
struct ProcessDataHarness::Running {
  Running(const std::string& state_dir, const std::string& bus_address)
      : control(image, RealThreads(),
                *Variables::Open(*OpenSqliteVariableStore(state_dir + "/process.db"), image,
                                 RealClock()),
                [](const std::string& host, uint16_t port) {
                  return std::make_shared<ModbusBus>(host, port);
                }),
        config_store(rpc::Connect(state_dir + "/config_store.sock")),
        modem(std::make_unique<ModemManager>(bus_address)),
        system(image, RealClock(),
               SystemReader(
                   RealClock(),
                   {.root = "",
                    .state_dir = state_dir,
                    .log_counter = MessageLogCounter(config_store),
                    .modem = [this](const std::string& interface) { return modem.Read(interface); },
                    .polling = [this] { return control.Polling(); }}),
               kRefreshPeriod),
        logs(image, MakeSqliteLogStore(state_dir + "/logs.db"), RealThreads(),
             [this](const std::vector<std::string>& paths) -> std::shared_ptr<void> {
               return system.Subscribe(paths, /*subtree=*/false);
             }),
        service(MakeProcessDataService(image, control, RealClock(), &system, &logs)) {}

  ProcessImage image{absl::Now()};
  ProcessControl control;
  std::shared_ptr<grpc::Channel> config_store;
  ModemWatch modem;
  SystemTree system;
  DataLogs logs;
  std::unique_ptr<grpc::Service> service;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<ConfigurationWatcher> watcher;
};

ProcessDataHarness::ProcessDataHarness(std::string bus_address)
    : dir_(NewTempDir()),
      bus_address_(bus_address.empty() ? absl::StrCat("unix:path=", dir_, "/no_bus")
                                       : std::move(bus_address)) {
  StartConfigStore();
  StartProcessData();
  stub_ = v1::ProcessData::NewStub(rpc::Connect(Socket("process_data")));
}

ProcessDataHarness::~ProcessDataHarness() {
  StopProcessData();
  StopConfigStore();
}

std::string ProcessDataHarness::Socket(const std::string& service) const {
  return absl::StrCat(dir_, "/", service, ".sock");
}

void ProcessDataHarness::StartProcessData() {
  running_ = std::make_unique<Running>(dir_, bus_address_);
  auto server = rpc::Server::Start(Socket("process_data"), {running_->service.get()});
  ASSERT_TRUE(server.ok()) << server.status();
  running_->server = *std::move(server);
  running_->watcher = std::make_unique<ConfigurationWatcher>(
      running_->config_store,
      [running = running_.get()](const config_store::v1::Configuration& configuration) {
        running->system.Configure(configuration.device());
        running->control.AdoptEpoch(configuration.factory_epoch());
        running->control.Configure(configuration.acquisition());
        running->logs.Configure(configuration);
      });
}

void ProcessDataHarness::StopProcessData() {
  if (running_ == nullptr) return;
  running_->server->Shutdown(absl::ZeroDuration());
  running_.reset();
}

void ProcessDataHarness::StartConfigStore() {
  auto server = rpc::Server::Start(Socket("config_store"), {&config_store_});
  ASSERT_TRUE(server.ok()) << server.status();
  config_store_server_ = *std::move(server);
}

void ProcessDataHarness::StopConfigStore() {
  if (config_store_server_ == nullptr) return;
  config_store_server_->Shutdown(absl::ZeroDuration());
  config_store_server_.reset();
}

absl::StatusOr<tixml::v1::Node> ProcessDataHarness::GetTree(const std::string& path) {
  grpc::ClientContext context;
  rpc::SetTimeout(context, kPatience);
  context.set_wait_for_ready(true);
  v1::GetRequest request;
  request.set_path(path);
  v1::GetResponse response;
  const grpc::Status status = stub_->Get(&context, request, &response);
  if (!status.ok()) return rpc::FromGrpc(status);
  return response.node();
}

std::string ProcessDataHarness::Get(const std::string& path) {
  const auto node = GetTree(path);
  return node.ok() && node->attributes_size() == 1 ? node->attributes(0).value() : "";
}

bool ProcessDataHarness::Becomes(const std::string& path, const std::string& text) {
  return Eventually(kPatience, [&] { return Get(path) == text; });
}

absl::Status ProcessDataHarness::Set(const std::string& path, const std::string& value) {
  grpc::ClientContext context;
  rpc::SetTimeout(context, kPatience);
  context.set_wait_for_ready(true);
  v1::SetRequest request;
  request.set_path(path);
  request.set_value(value);
  v1::SetResponse response;
  return rpc::FromGrpc(stub_->Set(&context, request, &response));
}

v1::GetDeviceStatusResponse ProcessDataHarness::Status() {
  grpc::ClientContext context;
  rpc::SetTimeout(context, kPatience);
  v1::GetDeviceStatusResponse response;
  const grpc::Status status = stub_->GetDeviceStatus(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

v1::GetDeviceStatusResponse::Device ProcessDataHarness::StatusOf(const std::string& path) {
  const v1::GetDeviceStatusResponse status = Status();
  for (const auto& device : status.devices()) {
    if (device.path() == path) return device;
  }
  return {};
}

config_store::v1::BusDevice ModbusDevice(const std::string& name, int port, uint32_t points,
                                         uint32_t unit) {
  config_store::v1::BusDevice device;
  device.set_name(name);
  device.set_host("127.0.0.1");
  device.set_port(static_cast<uint32_t>(port));
  device.set_unit(unit);
  device.set_poll_ms(10);
  device.set_timeout_ms(500);
  device.set_retries(1);
  device.set_max_backoff_ms(100);
  device.set_max_registers(125);
  device.set_max_hole(8);
  for (uint32_t i = 0; i < points; ++i) {
    config_store::v1::BusPoint& point = *device.add_points();
    point.set_name(absl::StrCat("P", i));
    point.set_register_(config_store::v1::BusPoint::HOLDING);
    point.set_offset(i);
    point.set_type(config_store::v1::BusPoint::UINT16);
    point.set_scale(1);
    point.set_writable(true);
  }
  return device;
}

config_store::v1::Acquisition OneBus(const std::string& name,
                                     const std::vector<config_store::v1::BusDevice>& devices) {
  config_store::v1::Acquisition acquisition;
  config_store::v1::Bus& bus = *acquisition.add_buses();
  bus.set_name(name);
  bus.set_protocol(config_store::v1::Bus::MODBUS_TCP);
  for (const config_store::v1::BusDevice& device : devices) *bus.add_devices() = device;
  return acquisition;
}

}  // namespace fieldgate::process_data
