#include "services/cloud_link/clients/process_client.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "common/rpc/rpc.h"
#include "common/tixml/node_proto.h"
#include "proto/process_data.grpc.pb.h"
#include "services/cloud_link/clients/stream_thread.h"

namespace fieldgate::cloud_link {
namespace {

namespace v1 = process_data::v1;

constexpr absl::Duration kGetTimeout = absl::Seconds(10);
// A thousand records, also from slow flash.
constexpr absl::Duration kLogTimeout = absl::Seconds(20);
// A bus point: timeout of a device (at most 60 s) times its tries.
constexpr absl::Duration kSetTimeout = absl::Minutes(12);
// A killed service is back within a second.
constexpr absl::Duration kConnectTimeout = absl::Seconds(3);
// How late a reporter notices at most that process_data was away.
constexpr std::chrono::seconds kProbeEvery(1);
constexpr int kMaxBatches = 2;

class GrpcProcessPort : public ProcessPort {
 public:
  explicit GrpcProcessPort(const std::string& socket)
      : channel_(rpc::Connect(socket)), stub_(v1::ProcessData::NewStub(channel_)) {}

  absl::StatusOr<tixml::Node> Get(absl::string_view path) override {
    v1::GetRequest request;
    request.set_path(std::string(path));
    v1::GetResponse response;
    absl::Status s = Call(&v1::ProcessData::Stub::Get, kGetTimeout, request, response);
    if (!s.ok()) return s;
    return tixml::FromProto(response.node());
  }

  absl::Status Set(absl::string_view path, absl::string_view value) override {
    v1::SetRequest request;
    request.set_path(std::string(path));
    request.set_value(std::string(value));
    v1::SetResponse response;
    return Call(&v1::ProcessData::Stub::Set, kSetTimeout, request, response);
  }

  absl::StatusOr<int64_t> RecordLog(absl::string_view log) override {
    v1::RecordLogRequest request;
    request.set_log(std::string(log));
    v1::RecordLogResponse response;
    absl::Status s = Call(&v1::ProcessData::Stub::RecordLog, kLogTimeout, request, response);
    if (!s.ok()) return s;
    return response.id();
  }

  absl::StatusOr<v1::ReadLogResponse> ReadLog(const v1::ReadLogRequest& request) override {
    v1::ReadLogResponse response;
    absl::Status s = Call(&v1::ProcessData::Stub::ReadLog, kLogTimeout, request, response);
    if (!s.ok()) return s;
    return response;
  }

  absl::StatusOr<v1::ListLogsResponse> ListLogs() override {
    v1::ListLogsResponse response;
    absl::Status s =
        Call(&v1::ProcessData::Stub::ListLogs, kLogTimeout, v1::ListLogsRequest(), response);
    if (!s.ok()) return s;
    return response;
  }

 private:
  template <class Method, class Request, class Response>
  absl::Status Call(Method method, absl::Duration timeout, const Request& request,
                    Response& response) {
    absl::Status ready = rpc::AwaitConnected(*channel_, "process_data", kConnectTimeout);
    if (!ready.ok()) return ready;
    grpc::ClientContext context;
    rpc::SetTimeout(context, timeout);
    return rpc::FromGrpc((*stub_.*method)(&context, request, &response));
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::ProcessData::Stub> stub_;
};

class GrpcValueStream : public ValueStream {
 public:
  GrpcValueStream(const std::string& socket, const std::vector<std::string>& paths,
                  std::function<void(std::unique_ptr<v1::ValueBatch>)> on_batch,
                  std::function<void()> on_lost)
      : stub_(v1::ProcessData::NewStub(rpc::Connect(socket))),
        on_batch_(std::move(on_batch)),
        on_lost_(std::move(on_lost)) {
    for (const std::string& path : paths) request_.add_paths(path);
    thread_ = std::make_unique<StreamThread>([this](grpc::ClientContext& c) { Read(c); });
  }

  ~GrpcValueStream() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      wake_.notify_all();
    }
    thread_.reset();
  }

  void Consumed() override {
    const std::lock_guard lock(mutex_);
    --under_way_;
    wake_.notify_all();
  }

 private:
  void Read(grpc::ClientContext& context) {
    const auto reader = stub_->Subscribe(&context, request_);
    bool any = false;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return under_way_ < kMaxBatches || ended_; });
        if (ended_) break;
      }
      auto batch = std::make_unique<v1::ValueBatch>();
      if (!reader->Read(batch.get())) break;
      any = true;
      {
        const std::lock_guard lock(mutex_);
        ++under_way_;
      }
      on_batch_(std::move(batch));
    }
    context.TryCancel();
    reader->Finish();
    if (any) on_lost_();
  }

  std::unique_ptr<v1::ProcessData::Stub> stub_;
  const std::function<void(std::unique_ptr<v1::ValueBatch>)> on_batch_;
  const std::function<void()> on_lost_;
  v1::SubscribeRequest request_;
  std::mutex mutex_;  // guards under_way_ and ended_
  std::condition_variable wake_;
  int under_way_ = 0;
  bool ended_ = false;
  std::unique_ptr<StreamThread> thread_;
};

class GrpcValueReporter : public ValueReporter {
 public:
  using Values = std::vector<std::pair<std::string, std::string>>;

  explicit GrpcValueReporter(const std::string& socket)
      : stub_(v1::ProcessData::NewStub(rpc::Connect(socket))) {
    thread_ = std::make_unique<StreamThread>([this](grpc::ClientContext& c) { Report(c); });
  }

  ~GrpcValueReporter() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      wake_.notify_all();
    }
    thread_.reset();
  }

  void Show(std::vector<std::pair<std::string, std::string>> values) override {
    const std::lock_guard lock(mutex_);
    values_ = std::move(values);
    ++version_;
    wake_.notify_all();
  }

 private:
  void Report(grpc::ClientContext& context) {
    v1::ReportResponse response;
    const auto writer = stub_->Report(&context, &response);
    std::map<std::string, std::string> sent;
    uint64_t version = 0;
    for (;;) {
      Values values;
      {
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, kProbeEvery, [&] { return version_ != version || ended_; });
        if (ended_) break;
        version = version_;
        values = values_;
      }
      v1::ReportRequest request;
      std::map<std::string, std::string> shown;
      for (const auto& [path, value] : values) {
        shown[path] = value;
        const auto old = sent.find(path);
        if (old != sent.end() && old->second == value) continue;
        v1::ReportRequest::Value& out = *request.add_values();
        out.set_path(path);
        out.set_value(value);
      }
      for (const auto& [path, value] : sent) {
        if (shown.find(path) == shown.end()) request.add_remove(path);
      }
      sent = std::move(shown);
      // Also with nothing new: only a write shows that process_data has gone.
      if (!writer->Write(request)) break;
    }
    context.TryCancel();
    writer->Finish();
  }

  std::unique_ptr<v1::ProcessData::Stub> stub_;
  std::mutex mutex_;  // guards values_, version_ and ended_
  std::condition_variable wake_;
  Values values_;
  uint64_t version_ = 0;
  bool ended_ = false;
  std::unique_ptr<StreamThread> thread_;
};

}  // namespace

std::unique_ptr<ProcessPort> MakeGrpcProcessPort(const std::string& socket) {
  return std::make_unique<GrpcProcessPort>(socket);
}

std::unique_ptr<ValueStream> SubscribeValues(
    const std::string& socket, const std::vector<std::string>& paths,
    std::function<void(std::unique_ptr<v1::ValueBatch>)> on_batch, std::function<void()> on_lost) {
  return std::make_unique<GrpcValueStream>(socket, paths, std::move(on_batch), std::move(on_lost));
}

std::unique_ptr<ValueReporter> MakeValueReporter(const std::string& socket) {
  return std::make_unique<GrpcValueReporter>(socket);
}

}  // namespace fieldgate::cloud_link
