#include "services/process_data/process_data_service.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/rpc.h"
#include "grpcpp/server_context.h"
#include "proto/process_data.grpc.pb.h"
#include "services/process_data/batch_message.h"
#include "services/process_data/log_messages.h"
#include "services/process_data/paths.h"
#include "services/process_data/report.h"
#include "services/process_data/subscription.h"
#include "services/process_data/value_tree.h"

namespace fieldgate::process_data {
namespace {

// How soon a stream with nothing to send sees that its call was cancelled.
constexpr absl::Duration kCancelCheck = absl::Milliseconds(100);

// A Set without a deadline waits at most this long for its line.
constexpr absl::Duration kLongestSet = absl::Minutes(10);

MonotonicTime DeadlineOf(const grpc::ServerContext& context, const Clock& clock) {
  const absl::Duration left = absl::FromChrono(context.deadline()) - clock.WallNow();
  return clock.Now() + std::min(left, kLongestSet);
}

class ProcessDataService : public v1::ProcessData::Service {
 public:
  ProcessDataService(ProcessImage& image, ProcessControl& control, const Clock& clock,
                     SystemTree* system, DataLogs* logs)
      : image_(image), control_(control), clock_(clock), system_(system), logs_(logs) {}

  grpc::Status Get(grpc::ServerContext*, const v1::GetRequest* request,
                   v1::GetResponse* response) override {
    if (system_ != nullptr) {
      absl::StatusOr<tixml::v1::Node> node = system_->Get(request->path());
      if (!node.ok()) return rpc::ToGrpc(node.status());
      *response->mutable_node() = *std::move(node);
      return grpc::Status::OK;
    }
    const std::string path = NormalizePath(request->path());
    const absl::StatusOr<std::vector<ProcessImage::Reading>> readings = image_.Read(path);
    if (!readings.ok()) return rpc::ToGrpc(readings.status());
    *response->mutable_node() = BuildTree(path, *readings);
    return grpc::Status::OK;
  }

  grpc::Status Set(grpc::ServerContext* context, const v1::SetRequest* request,
                   v1::SetResponse*) override {
    return rpc::ToGrpc(
        control_.Set(request->path(), request->value(), DeadlineOf(*context, clock_)));
  }

  grpc::Status Subscribe(grpc::ServerContext* context, const v1::SubscribeRequest* request,
                         grpc::ServerWriter<v1::ValueBatch>* writer) override {
    const std::vector<std::string> paths(request->paths().begin(), request->paths().end());
    absl::StatusOr<std::unique_ptr<Subscription>> subscription =
        image_.Subscribe(paths, request->subtree());
    if (!subscription.ok()) return rpc::ToGrpc(subscription.status());
    std::unique_ptr<SystemTree::Interest> interest;
    if (system_ != nullptr) interest = system_->Subscribe(paths, request->subtree());
    Batch batch;
    v1::ValueBatch message;
    while (!context->IsCancelled()) {
      if (!(*subscription)->Next(kCancelCheck, batch)) continue;
      ToProto(batch, message);
      if (!writer->Write(message)) break;
    }
    return grpc::Status::CANCELLED;
  }

  grpc::Status Report(grpc::ServerContext*, grpc::ServerReader<v1::ReportRequest>* reader,
                      v1::ReportResponse*) override {
    const std::unique_ptr<process_data::Report> report = image_.OpenReport();
    v1::ReportRequest request;
    while (reader->Read(&request)) {
      std::vector<std::pair<std::string, std::string>> values;
      for (const v1::ReportRequest::Value& value : request.values()) {
        values.emplace_back(value.path(), value.value());
      }
      const absl::Status status = report->Update({request.remove().begin(), request.remove().end()},
                                                 values, clock_.WallNow());
      if (!status.ok()) return rpc::ToGrpc(status);
    }
    return grpc::Status::OK;
  }

  grpc::Status RecordLog(grpc::ServerContext* context, const v1::RecordLogRequest* request,
                         v1::RecordLogResponse* response) override {
    if (logs_ == nullptr) return NoLogs();
    const absl::StatusOr<int64_t> id = logs_->Record(request->log(), DeadlineOf(*context, clock_));
    if (!id.ok()) return rpc::ToGrpc(id.status());
    response->set_id(*id);
    return grpc::Status::OK;
  }

  grpc::Status ReadLog(grpc::ServerContext*, const v1::ReadLogRequest* request,
                       v1::ReadLogResponse* response) override {
    if (logs_ == nullptr) return NoLogs();
    const absl::StatusOr<LogQuery> query = ToQuery(*request);
    if (!query.ok()) return rpc::ToGrpc(query.status());
    absl::StatusOr<LogRecords> records = logs_->Read(request->log(), *query);
    if (!records.ok()) return rpc::ToGrpc(records.status());
    ToProto(*records, *response);
    return grpc::Status::OK;
  }

  grpc::Status ListLogs(grpc::ServerContext*, const v1::ListLogsRequest*,
                        v1::ListLogsResponse* response) override {
    if (logs_ == nullptr) return NoLogs();
    for (const DataLogs::Listed& listed : logs_->List()) ToProto(listed, *response->add_logs());
    return grpc::Status::OK;
  }

  grpc::Status GetDeviceStatus(grpc::ServerContext*, const v1::GetDeviceStatusRequest*,
                               v1::GetDeviceStatusResponse* response) override {
    for (const DeviceStatus& status : control_.Devices()) {
      v1::GetDeviceStatusResponse::Device& device = *response->add_devices();
      device.set_path(status.path);
      device.set_ok(status.ok);
      device.set_error(status.error);
      device.set_polls(status.polls);
      device.set_failed_polls(status.failed_polls);
      device.set_missed_cycles(status.missed_cycles);
      device.set_last_ok_at_us(absl::ToUnixMicros(status.last_ok_at));
    }
    response->set_mode(control_.Mode());
    return grpc::Status::OK;
  }

 private:
  static grpc::Status NoLogs() {
    return {grpc::StatusCode::UNIMPLEMENTED, "this service records no logs"};
  }

  ProcessImage& image_;
  ProcessControl& control_;
  const Clock& clock_;
  SystemTree* const system_;
  DataLogs* const logs_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeProcessDataService(ProcessImage& image, ProcessControl& control,
                                                      const Clock& clock, SystemTree* system,
                                                      DataLogs* logs) {
  return std::make_unique<ProcessDataService>(image, control, clock, system, logs);
}

}  // namespace fieldgate::process_data
