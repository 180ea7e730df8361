#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/config_store.grpc.pb.h"
#include "proto/process_data.grpc.pb.h"

// The other services as cloud_link meets them, served by the test.
namespace fieldgate::cloud_link {

class FakeConfigStore final : public config_store::v1::ConfigStore::Service {
 public:
  void Put(config_store::v1::Configuration configuration) {
    const std::lock_guard lock(mutex_);
    configuration_ = std::move(configuration);
    ++version_;
    changed_.notify_all();
  }

  grpc::Status WatchConfiguration(
      grpc::ServerContext* context, const config_store::v1::WatchConfigurationRequest*,
      grpc::ServerWriter<config_store::v1::Configuration>* writer) override {
    int seen = -1;
    while (!context->IsCancelled()) {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(20), [&] { return version_ != seen; });
      if (version_ == seen) continue;
      seen = version_;
      if (!writer->Write(configuration_)) break;
    }
    return grpc::Status::OK;
  }

  grpc::Status GetConfig(grpc::ServerContext*, const config_store::v1::GetConfigRequest* request,
                         config_store::v1::GetConfigResponse* response) override {
    response->add_nodes()->set_name(request->database());
    return grpc::Status::OK;
  }

  grpc::Status AppendSupportLog(grpc::ServerContext*,
                                const config_store::v1::AppendSupportLogRequest* request,
                                config_store::v1::AppendSupportLogResponse*) override {
    const std::lock_guard lock(mutex_);
    messages_.push_back(absl::StrCat(request->entry().log(), ": ", request->entry().message()));
    return grpc::Status::OK;
  }

  // "Event: TempHigh came true ..."
  std::vector<std::string> Messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

  grpc::Status ListSupportLog(grpc::ServerContext*,
                              const config_store::v1::ListSupportLogRequest* request,
                              config_store::v1::ListSupportLogResponse* response) override {
    response->add_entries()->set_message(
        absl::StrCat(request->log(), " ", request->count(), " entries"));
    response->set_total(1);
    return grpc::Status::OK;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  config_store::v1::Configuration configuration_;
  int version_ = 0;
  std::vector<std::string> messages_;
};

class FakeProcessData final : public process_data::v1::ProcessData::Service {
 public:
  grpc::Status Get(grpc::ServerContext*, const process_data::v1::GetRequest* request,
                   process_data::v1::GetResponse* response) override {
    if (!absl::StrContains(request->path(), "Known")) {
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "nothing there");
    }
    response->mutable_node()->set_name("Known");
    auto& value = *response->mutable_node()->add_attributes();
    value.set_name("_");
    value.set_value("7");
    return grpc::Status::OK;
  }

  grpc::Status Set(grpc::ServerContext*, const process_data::v1::SetRequest* request,
                   process_data::v1::SetResponse*) override {
    const std::lock_guard lock(mutex_);
    set_[request->path()] = request->value();
    return grpc::Status::OK;
  }

  std::string WasSet(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return set_[path];
  }

  grpc::Status Subscribe(grpc::ServerContext* context,
                         const process_data::v1::SubscribeRequest* request,
                         grpc::ServerWriter<process_data::v1::ValueBatch>* writer) override {
    process_data::v1::ValueBatch batch;
    auto& run = *batch.add_runs();
    run.set_count(static_cast<uint32_t>(request->paths_size()));
    for (int i = 0; i < request->paths_size(); ++i) {
      batch.mutable_kinds()->push_back(process_data::v1::INT);
      batch.mutable_states()->push_back(1);
      batch.add_bits(5);
    }
    writer->Write(batch);
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return grpc::Status::OK;
  }

  grpc::Status Report(grpc::ServerContext*,
                      grpc::ServerReader<process_data::v1::ReportRequest>* reader,
                      process_data::v1::ReportResponse*) override {
    process_data::v1::ReportRequest request;
    while (reader->Read(&request)) {
      const std::lock_guard lock(mutex_);
      for (const auto& value : request.values()) reported_[value.path()] = value.value();
    }
    const std::lock_guard lock(mutex_);
    reported_.clear();
    return grpc::Status::OK;
  }

  grpc::Status RecordLog(grpc::ServerContext*, const process_data::v1::RecordLogRequest* request,
                         process_data::v1::RecordLogResponse* response) override {
    if (request->log() != "Energy") {
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "there is Energy");
    }
    response->set_id(17);
    return grpc::Status::OK;
  }

  grpc::Status ReadLog(grpc::ServerContext*, const process_data::v1::ReadLogRequest* request,
                       process_data::v1::ReadLogResponse* response) override {
    auto& layout = *response->add_layouts();
    layout.add_names("P");
    layout.add_paths("/Process/Bus1/D/P");
    auto& record = *response->add_records();
    record.set_id(request->after_id() + 1);
    record.set_recorded_at_us(1'000'000);
    record.set_kinds(std::string(1, process_data::v1::INT));
    record.set_states(std::string(1, 1));
    record.add_bits(5);
    return grpc::Status::OK;
  }

  grpc::Status ListLogs(grpc::ServerContext*, const process_data::v1::ListLogsRequest*,
                        process_data::v1::ListLogsResponse* response) override {
    response->add_logs()->set_name("Energy");
    return grpc::Status::OK;
  }

  std::string Reported(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return reported_[path];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> reported_;
  std::map<std::string, std::string> set_;
};

}  // namespace fieldgate::cloud_link
