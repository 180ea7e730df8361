// Values over gRPC, from the process image to a reader in batches of 1,000.
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/rpc.h"
#include "common/testing/process.h"
#include "common/time/clock.h"
#include "proto/process_data.grpc.pb.h"
#include "services/process_data/process_control.h"
#include "services/process_data/process_data_service.h"
#include "services/process_data/process_image.h"
#include "services/process_data/sqlite_variable_store.h"
#include "services/process_data/variables.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/points.h"

namespace fieldgate::bench {
namespace {

namespace v1 = process_data::v1;

const char kDevice[] = "/Process/Bus1/Device1";

// Lets the two sides take turns: a batch is made when the one before has been
// read, so that none is skipped or merged.
class Turns {
 public:
  Turns() { sem_init(&wanted_, 0, 0); }
  ~Turns() { sem_destroy(&wanted_); }

  void Want() { sem_post(&wanted_); }
  void Stop() {
    stopped_ = true;
    sem_post(&wanted_);
  }
  // Waits until a batch is wanted; false: none will be.
  bool Await() {
    while (sem_wait(&wanted_) != 0) {
    }
    return !stopped_;
  }

 private:
  sem_t wanted_;
  std::atomic<bool> stopped_ = false;
};

// Reads batches until `seconds` have passed; CPU ns a point of the process
// apart from what `excluded` gives.
template <typename ReadBatch>
absl::StatusOr<double> CpuPerPoint(absl::Duration window, Turns& turns, const ReadBatch& read,
                                   const std::function<absl::Duration()>& excluded) {
  // The first batches grow buffers.
  for (int i = 0; i < 100; ++i) {
    turns.Want();
    if (!read()) return absl::UnavailableError("the stream ended");
  }
  int64_t points = 0;
  const absl::Duration before = OwnCpu() - excluded();
  const absl::Time end = absl::Now() + window;
  while (absl::Now() < end) {
    turns.Want();
    if (!read()) return absl::UnavailableError("the stream ended");
    points += kPoints;
  }
  const absl::Duration used = OwnCpu() - excluded() - before;
  return absl::ToDoubleNanoseconds(used) / static_cast<double>(points);
}

// What every reader does with a batch: looks at each value.
uint64_t Sum(const v1::ValueBatch& batch) {
  uint64_t sum = 0;
  for (const uint64_t bits : batch.bits()) sum += bits;
  return sum;
}
std::atomic<uint64_t> sink;  // keeps the sums

// --- Ours -----------------------------------------------------------------------

absl::StatusOr<double> MeasureOurs(absl::Duration window) {
  process_data::ProcessImage image(absl::Now());
  process_data::DeviceLayout layout{kDevice, {}};
  v1::SubscribeRequest request;
  for (uint32_t i = 0; i < kPoints; ++i) {
    layout.points.push_back({absl::StrCat("DP", i), i});
    request.add_paths(absl::StrCat(kDevice, "/DP", i));
  }
  const process_data::DeviceHandle device = image.ConfigureDevices({layout}, absl::Now())[0];
  std::vector<process_data::Sample> samples(kPoints);
  const std::vector<std::string> texts(kPoints);

  const std::string dir = NewTempDir();
  auto store = process_data::OpenSqliteVariableStore(dir + "/process.db");
  if (!store.ok()) return store.status();
  auto variables = process_data::Variables::Open(*std::move(store), image, RealClock());
  if (!variables.ok()) return variables.status();
  process_data::ProcessControl control(image, RealClock(), *std::move(variables),
                                       [](const std::string&, uint16_t) { return nullptr; });
  const std::unique_ptr<grpc::Service> service =
      process_data::MakeProcessDataService(image, control, RealClock());
  const std::string socket = dir + "/s";
  absl::StatusOr<std::unique_ptr<rpc::Server>> server = rpc::Server::Start(socket, {service.get()});
  if (!server.ok()) return server.status();

  const auto stub = v1::ProcessData::NewStub(rpc::Connect(socket));
  grpc::ClientContext context;
  const auto reader = stub->Subscribe(&context, request);
  v1::ValueBatch batch;
  if (!reader->Read(&batch)) return rpc::FromGrpc(reader->Finish());

  // The polling thread's work, without which there were nothing to stream, is
  // no cost of the stream.
  Turns turns;
  std::atomic<int64_t> poller_cpu_ns = 0;
  std::thread poller([&] {
    for (uint64_t poll = 1;; ++poll) {
      if (!turns.Await()) return;
      for (uint32_t i = 0; i < kPoints; ++i) samples[i] = process_data::Sample::Uint(poll + i);
      image.CommitPoll(device, {true, samples, texts, absl::Now()});
      poller_cpu_ns = absl::ToInt64Nanoseconds(ThreadCpu());
    }
  });
  absl::StatusOr<double> result = CpuPerPoint(
      window, turns,
      [&] {
        // A batch of the poll's 1,000 points is a message; others would be late
        // parts of a poll, which the image doesn't give.
        if (!reader->Read(&batch) || batch.kinds().size() != kPoints) return false;
        sink += Sum(batch);
        return true;
      },
      [&] { return absl::Nanoseconds(poller_cpu_ns.load()); });
  turns.Stop();
  poller.join();
  context.TryCancel();
  reader->Finish();
  (*server)->Shutdown(absl::Seconds(1));
  return result;
}

// --- Baselines ------------------------------------------------------------------

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

bool WriteAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = write(fd, data, size);
    if (n <= 0) return false;
    data += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

bool ReadAll(int fd, char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = read(fd, data, size);
    if (n <= 0) return false;
    data += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

// The same columns, length first, over a socket pair.
absl::StatusOr<double> MeasureSocketPair(absl::Duration window) {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    return absl::UnavailableError("no socket pair");
  }
  Turns turns;
  std::thread writer([&] {
    v1::ValueBatch batch;
    std::string frame;
    for (uint64_t poll = 1;; ++poll) {
      if (!turns.Await()) return;
      FillBatch(poll, 0, kPoints, batch);
      const auto size = static_cast<uint32_t>(batch.ByteSizeLong());
      frame.resize(sizeof size + size);
      std::copy_n(reinterpret_cast<const char*>(&size), sizeof size, frame.data());
      batch.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(frame.data() + sizeof size));
      if (!WriteAll(fds[0], frame.data(), frame.size())) return;
    }
  });
  v1::ValueBatch batch;
  std::string frame;
  absl::StatusOr<double> result = CpuPerPoint(
      window, turns,
      [&] {
        uint32_t size = 0;
        if (!ReadAll(fds[1], reinterpret_cast<char*>(&size), sizeof size)) return false;
        frame.resize(size);
        if (!ReadAll(fds[1], frame.data(), size) || !batch.ParseFromString(frame)) return false;
        sink += Sum(batch);
        return true;
      },
      [] { return absl::ZeroDuration(); });
  turns.Stop();
  writer.join();
  close(fds[0]);
  close(fds[1]);
  return result;
}

// gRPC with a message for each point: what the columns save.
class MessageAPoint : public v1::ProcessData::Service {
 public:
  explicit MessageAPoint(Turns& turns) : turns_(turns) {}

  grpc::Status Subscribe(grpc::ServerContext*, const v1::SubscribeRequest*,
                         grpc::ServerWriter<v1::ValueBatch>* writer) override {
    v1::ValueBatch batch;
    for (uint64_t poll = 1;; ++poll) {
      if (!turns_.Await()) return grpc::Status::OK;
      for (uint32_t i = 0; i < kPoints; ++i) {
        FillBatch(poll, i, 1, batch);
        if (!writer->Write(batch)) return grpc::Status::OK;
      }
    }
  }

 private:
  Turns& turns_;
};

absl::StatusOr<double> MeasureMessageAPoint(absl::Duration window) {
  Turns turns;
  MessageAPoint service(turns);
  const std::string socket = NewTempDir() + "/s";
  absl::StatusOr<std::unique_ptr<rpc::Server>> server = rpc::Server::Start(socket, {&service});
  if (!server.ok()) return server.status();
  const auto stub = v1::ProcessData::NewStub(rpc::Connect(socket));
  grpc::ClientContext context;
  const auto reader = stub->Subscribe(&context, v1::SubscribeRequest());
  v1::ValueBatch batch;
  absl::StatusOr<double> result = CpuPerPoint(
      window, turns,
      [&] {
        for (uint32_t i = 0; i < kPoints; ++i) {
          if (!reader->Read(&batch)) return false;
          sink += Sum(batch);
        }
        return true;
      },
      [] { return absl::ZeroDuration(); });
  turns.Stop();
  reader->Finish();
  (*server)->Shutdown(absl::Seconds(1));
  return result;
}

}  // namespace

Rows BenchStream(const BenchOptions& options) {
  const absl::Duration window = options.short_window();
  absl::StatusOr<Sides> raw = Alternate(
      options.rounds, [&] { return MeasureOurs(window); },
      [&] { return MeasureSocketPair(window); });
  if (!raw.ok()) return raw.status();
  absl::StatusOr<Sides> single = Alternate(
      options.rounds, [&] { return MeasureOurs(window); },
      [&] { return MeasureMessageAPoint(window); });
  if (!single.ok()) return single.status();
  return std::vector<Row>{{"stream, CPU a point (raw: socket pair, same message)", "ns", raw->ours,
                           raw->baseline, Target::RatioAtMost(2.5)},
                          {"stream, CPU a point (raw: gRPC, a message a point)", "ns", single->ours,
                           single->baseline, Target::RatioAtMost(0.3)}};
}

}  // namespace fieldgate::bench
