// stream_server KIND SOCKET SHARED: the sending side of the stream benchmark,
// until it is killed. KIND is "image" (process_data's Subscribe over its image),
// "single" (gRPC, a message a point) or "raw" (the batches alone, length first).
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/rpc.h"
#include "common/time/clock.h"
#include "proto/process_data.grpc.pb.h"
#include "services/process_data/process_control.h"
#include "services/process_data/process_data_service.h"
#include "services/process_data/process_image.h"
#include "services/process_data/sqlite_variable_store.h"
#include "services/process_data/variables.h"
#include "tests/bench/measure.h"
#include "tests/bench/points.h"
#include "tests/bench/stream_shared.h"

namespace fieldgate::bench {
namespace {

namespace v1 = process_data::v1;

constexpr char kDevice[] = "/Process/Bus1/Device1";

// The first point's value is the number of the poll.
void FillBatch(uint64_t poll, uint32_t first, uint32_t count, v1::ValueBatch& batch) {
  batch.Clear();
  v1::ValueBatch::Run& run = *batch.add_runs();
  run.set_first(first);
  run.set_count(count);
  run.set_sampled_at_us(static_cast<int64_t>(poll));
  batch.mutable_kinds()->assign(count, static_cast<char>(v1::UINT));
  batch.mutable_states()->assign(count, 1);
  for (uint32_t i = 0; i < count; ++i) batch.add_bits(poll + first + i);
}

absl::Status ServeImage(const std::string& socket_path, Turns& turns) {
  process_data::ProcessImage image(absl::Now());
  process_data::DeviceLayout layout{kDevice, {}};
  for (uint32_t i = 0; i < kPoints; ++i) layout.points.push_back({absl::StrCat("DP", i), i});
  const process_data::DeviceHandle device = image.ConfigureDevices({layout}, absl::Now())[0];

  auto store = process_data::OpenSqliteVariableStore(socket_path + ".db");
  if (!store.ok()) return store.status();
  auto variables = process_data::Variables::Open(*std::move(store), image, RealClock());
  if (!variables.ok()) return variables.status();
  process_data::ProcessControl control(image, RealThreads(), *std::move(variables),
                                       [](const std::string&, uint16_t) { return nullptr; });
  const std::unique_ptr<grpc::Service> service =
      process_data::MakeProcessDataService(image, control, RealClock());
  absl::StatusOr<std::unique_ptr<rpc::Server>> server =
      rpc::Server::Start(socket_path, {service.get()});
  if (!server.ok()) return server.status();

  prctl(PR_SET_TIMERSLACK, 1);
  std::vector<process_data::Sample> samples(kPoints);
  const std::vector<std::string> texts(kPoints);
  for (uint64_t poll = 1;; ++poll) {
    turns.Await();
    // Freely running: often enough that something is always new, and no more,
    // since it takes a core away.
    if (!turns.in_turn()) absl::SleepFor(absl::Microseconds(20));
    for (uint32_t i = 0; i < kPoints; ++i) samples[i] = process_data::Sample::Uint(poll + i);
    image.CommitPoll(device, {true, samples, texts, absl::Now()});
    // Polling and storing are no cost of the stream.
    turns.excluded_cpu_ns = absl::ToInt64Nanoseconds(ThreadCpu());
  }
}

class MessageAPoint : public v1::ProcessData::Service {
 public:
  explicit MessageAPoint(Turns& turns) : turns_(turns) {}

  grpc::Status Subscribe(grpc::ServerContext*, const v1::SubscribeRequest*,
                         grpc::ServerWriter<v1::ValueBatch>* writer) override {
    v1::ValueBatch batch;
    for (uint64_t poll = 1;; ++poll) {
      turns_.Await();
      for (uint32_t i = 0; i < kPoints; ++i) {
        FillBatch(poll, i, 1, batch);
        if (!writer->Write(batch)) return grpc::Status::OK;
      }
    }
  }

 private:
  Turns& turns_;
};

absl::Status ServeSingle(const std::string& socket_path, Turns& turns) {
  MessageAPoint service(turns);
  absl::StatusOr<std::unique_ptr<rpc::Server>> server = rpc::Server::Start(socket_path, {&service});
  if (!server.ok()) return server.status();
  for (;;) pause();
}

absl::Status ServeRaw(const std::string& socket_path, Turns& turns) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 1) != 0) {
    return absl::UnavailableError(absl::StrCat("can't listen at ", socket_path));
  }
  const int fd = accept(listener, nullptr, nullptr);
  v1::ValueBatch batch;
  std::string frame;
  for (uint64_t poll = 1;; ++poll) {
    turns.Await();
    FillBatch(poll, 0, kPoints, batch);
    const auto size = static_cast<uint32_t>(batch.ByteSizeLong());
    frame.resize(sizeof size + size);
    std::memcpy(frame.data(), &size, sizeof size);
    batch.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(frame.data() + sizeof size));
    for (size_t sent = 0; sent < frame.size();) {
      const ssize_t n = send(fd, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return absl::UnavailableError("the reader is gone");
      sent += static_cast<size_t>(n);
    }
  }
}

int Main(int argc, char** argv) {
  Turns* turns = argc == 4 ? static_cast<Turns*>(MapTurns(argv[3])) : nullptr;
  absl::Status status = absl::InvalidArgumentError("usage: stream_server KIND SOCKET SHARED");
  if (turns != nullptr) {
    const std::string kind = argv[1];
    status = kind == "image"    ? ServeImage(argv[2], *turns)
             : kind == "single" ? ServeSingle(argv[2], *turns)
                                : ServeRaw(argv[2], *turns);
  }
  std::fprintf(stderr, "stream_server: %s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace fieldgate::bench

int main(int argc, char** argv) { return fieldgate::bench::Main(argc, argv); }
