// Values over gRPC, from process_data's image in one process to a reader in
// another, in batches of 1,000.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/rpc.h"
#include "common/testing/process.h"
#include "proto/process_data.grpc.pb.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/points.h"
#include "tests/bench/stream_shared.h"

namespace fieldgate::bench {
namespace {

namespace v1 = process_data::v1;

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr bool kInTurn = true;
constexpr bool kFree = false;

// The sending process with what it shares with this one.
struct Server {
  std::string socket;
  Turns* turns = nullptr;
  std::unique_ptr<ChildProcess> process;

  absl::Duration Cpu() const {
    return ProcessCpu(process->pid()).value_or(absl::ZeroDuration()) -
           absl::Nanoseconds(turns->excluded_cpu_ns.load());
  }
};

absl::StatusOr<Server> StartServer(const std::string& kind, bool in_turn) {
  const std::string dir = NewTempDir();
  Server server;
  server.socket = dir + "/s";
  void* memory = MapTurns(dir + "/turns");
  if (memory == nullptr) return absl::UnavailableError("no shared memory");
  server.turns = new (memory) Turns(in_turn);
  absl::StatusOr<std::unique_ptr<ChildProcess>> process =
      ChildProcess::Start({.argv = {RunfilePath("fieldgate/tests/bench/stream_server"), kind,
                                    server.socket, dir + "/turns"}});
  if (!process.ok()) return process.status();
  server.process = *std::move(process);
  return server;
}

// CPU ns a point of both processes. `read` reads one batch; false: the stream
// ended.
template <typename ReadBatch>
absl::StatusOr<double> CpuPerPoint(const Server& server, absl::Duration window,
                                   const ReadBatch& read) {
  constexpr int kWarmUp = 100;  // batches in which buffers grow
  int64_t batches = 0;
  absl::Duration before;
  absl::Time end = absl::InfiniteFuture();
  for (int i = 0; absl::Now() < end; ++i) {
    if (i == kWarmUp) {
      before = OwnCpu() + server.Cpu();
      end = absl::Now() + window;
    }
    if (!read()) return absl::UnavailableError("the stream ended: " + server.process->Output());
    server.turns->Want();
    if (i >= kWarmUp) ++batches;
  }
  const absl::Duration used = OwnCpu() + server.Cpu() - before;
  return absl::ToDoubleNanoseconds(used) / static_cast<double>(batches * kPoints);
}

// What every reader does with a batch: looks at each value.
uint64_t Sum(const v1::ValueBatch& batch) {
  uint64_t sum = 0;
  for (const uint64_t bits : batch.bits()) sum += bits;
  return sum;
}
std::atomic<uint64_t> sink;  // keeps the sums

// --- gRPC -----------------------------------------------------------------------

// Streams from a server of `kind`; `read` does what CpuPerPoint's does.
absl::StatusOr<double> MeasureGrpc(
    const std::string& kind, absl::Duration window, bool in_turn,
    const std::function<bool(grpc::ClientReader<v1::ValueBatch>&)>& read) {
  absl::StatusOr<Server> server = StartServer(kind, in_turn);
  if (!server.ok()) return server.status();
  const auto channel = rpc::Connect(server->socket);
  if (absl::Status s = rpc::AwaitConnected(*channel, "stream_server", kPatience); !s.ok()) return s;
  const auto stub = v1::ProcessData::NewStub(channel);
  v1::SubscribeRequest request;
  for (uint32_t i = 0; i < kPoints; ++i) {
    request.add_paths(absl::StrCat("/Process/Bus1/Device1/DP", i));
  }
  grpc::ClientContext context;
  const auto reader = stub->Subscribe(&context, request);
  absl::StatusOr<double> result = CpuPerPoint(*server, window, [&] { return read(*reader); });
  context.TryCancel();
  reader->Finish();
  return result;
}

absl::StatusOr<double> MeasureOurs(absl::Duration window, bool in_turn) {
  v1::ValueBatch batch;
  uint64_t last_poll = 0;
  return MeasureGrpc("image", window, in_turn, [&](grpc::ClientReader<v1::ValueBatch>& reader) {
    do {
      if (!reader.Read(&batch) || batch.kinds().size() != kPoints) return false;
    } while (batch.bits(0) == last_poll);  // the first may come before any poll
    last_poll = batch.bits(0);
    sink += Sum(batch);
    return true;
  });
}

absl::StatusOr<double> MeasureMessageAPoint(absl::Duration window, bool in_turn) {
  v1::ValueBatch batch;
  return MeasureGrpc("single", window, in_turn, [&](grpc::ClientReader<v1::ValueBatch>& reader) {
    for (uint32_t i = 0; i < kPoints; ++i) {
      if (!reader.Read(&batch)) return false;
      sink += Sum(batch);
    }
    return true;
  });
}

// --- Raw ------------------------------------------------------------------------

bool ReadAll(int fd, char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = read(fd, data, size);
    if (n <= 0) return false;
    data += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

absl::StatusOr<double> MeasureRaw(absl::Duration window, bool in_turn) {
  absl::StatusOr<Server> server = StartServer("raw", in_turn);
  if (!server.ok()) return server.status();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  server->socket.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!Eventually(kPatience, [&] {
        return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
      })) {
    return absl::UnavailableError("can't connect: " + server->process->Output());
  }
  v1::ValueBatch batch;
  std::string frame;
  absl::StatusOr<double> result = CpuPerPoint(*server, window, [&] {
    uint32_t size = 0;
    if (!ReadAll(fd, reinterpret_cast<char*>(&size), sizeof size)) return false;
    frame.resize(size);
    if (!ReadAll(fd, frame.data(), size) || !batch.ParseFromString(frame)) return false;
    sink += Sum(batch);
    return true;
  });
  close(fd);
  return result;
}

}  // namespace

Rows BenchStream(const BenchOptions& options) {
  const absl::Duration window = options.short_window();
  absl::StatusOr<Sides> freely = Alternate(
      options.rounds, [&] { return MeasureOurs(window, kFree); },
      [&] { return MeasureRaw(window, kFree); });
  if (!freely.ok()) return freely.status();
  absl::StatusOr<Sides> one_by_one = Alternate(
      options.rounds, [&] { return MeasureOurs(window, kInTurn); },
      [&] { return MeasureRaw(window, kInTurn); });
  if (!one_by_one.ok()) return one_by_one.status();
  absl::StatusOr<Sides> single = Alternate(
      options.rounds, [&] { return MeasureOurs(window, kFree); },
      [&] { return MeasureMessageAPoint(window, kFree); });
  if (!single.ok()) return single.status();
  return std::vector<Row>{{"stream, CPU a point, nonstop (raw: Unix socket)", "ns", freely->ours,
                           freely->baseline, Target::RatioAtMost(2.5)},
                          {"stream, CPU a point, batch by batch (raw: Unix socket)", "ns",
                           one_by_one->ours, one_by_one->baseline, Target::RatioAtMost(2.5)},
                          {"stream, CPU a point, nonstop (raw: gRPC, a message a point)", "ns",
                           single->ours, single->baseline, Target::RatioAtMost(0.3)}};
}

}  // namespace fieldgate::bench
