#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/rpc/rpc.h"
#include "proto/config_store.grpc.pb.h"
#include "proto/process_data.grpc.pb.h"

namespace fieldgate::process_data {

// Ends a failing test; nothing takes this long.
inline constexpr absl::Duration kPatience = absl::Seconds(30);

// A config_store that serves what the test says.
class FakeConfigStore final : public config_store::v1::ConfigStore::Service {
 public:
  void Serve(const config_store::v1::Acquisition& acquisition);
  void ServeDevice(const config_store::v1::Device& device);
  void ServeLogs(const std::vector<config_store::v1::Log>& logs);
  void ServeFactoryEpoch(int64_t epoch);

  grpc::Status WatchConfiguration(
      grpc::ServerContext* context, const config_store::v1::WatchConfigurationRequest* request,
      grpc::ServerWriter<config_store::v1::Configuration>* writer) override;

  grpc::Status ListSupportLog(grpc::ServerContext*, const config_store::v1::ListSupportLogRequest*,
                              config_store::v1::ListSupportLogResponse* response) override {
    response->set_total(35299);
    return grpc::Status::OK;
  }

 private:
  // Serves what `change` made of the configuration.
  void Change(const std::function<void(config_store::v1::Configuration&)>& change);

  std::mutex mutex_;
  std::condition_variable changed_;
  config_store::v1::Configuration configuration_;
};

// The whole service but for its main, with real gRPC to both sides.
class ProcessDataHarness {
 public:
  // Starts process_data and a config_store that serves nothing.
  ProcessDataHarness();
  ~ProcessDataHarness();

  void StartProcessData();
  void StopProcessData();
  void StartConfigStore();
  void StopConfigStore();
  FakeConfigStore& config_store() { return config_store_; }

  v1::ProcessData::Stub& stub() { return *stub_; }

  // "" when nothing has the path.
  std::string Get(const std::string& path);
  absl::StatusOr<tixml::v1::Node> GetTree(const std::string& path);
  bool Becomes(const std::string& path, const std::string& text);
  absl::Status Set(const std::string& path, const std::string& value);
  v1::GetDeviceStatusResponse Status();
  v1::GetDeviceStatusResponse::Device StatusOf(const std::string& path);

 private:
  struct Running;
  std::string Socket(const std::string& service) const;

  const std::string dir_;
  FakeConfigStore config_store_;
  std::unique_ptr<rpc::Server> config_store_server_;
  std::unique_ptr<Running> running_;
  std::unique_ptr<v1::ProcessData::Stub> stub_;
};

// A device of `points` holding registers P0, P1 ... from register 0, polled
// every 10 ms, all of them writable.
config_store::v1::BusDevice ModbusDevice(const std::string& name, int port, uint32_t points,
                                         uint32_t unit = 1);

// One bus with these devices.
config_store::v1::Acquisition OneBus(const std::string& name,
                                     const std::vector<config_store::v1::BusDevice>& devices);

}  // namespace fieldgate::process_data
