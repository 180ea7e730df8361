// A Modbus device that answers whatever the input says, over a real socket and
// libmodbus: a reading is right, or an error.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "services/process_data/bus/register_device.h"
#include "services/process_data/modbus/modbus_bus.h"
#include "tests/fuzz/fuzz.h"

namespace fieldgate::fuzz {
namespace {

using process_data::RegisterAddress;
using process_data::RegisterTable;

constexpr size_t kHeader = 7;  // transaction, protocol, length, unit
constexpr size_t kMostOperations = 6;

// How an answer is mended before it is sent.
enum Mend : uint8_t {
  kTransaction = 1,
  kLength = 2,
  kUnitAndFunction = 4,
  kInTwoParts = 8,
  kStayOpen = 16
};

struct Answer {
  uint8_t mend = 0;
  std::string bytes;
};

struct Exchange {
  std::string request, answer;
};

// Listens until the process ends.
class Peer {
 public:
  Peer() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    Check(bind(listener_, any, size) == 0 && listen(listener_, 16) == 0 &&
              getsockname(listener_, any, &size) == 0,
          "can't listen");
    port_ = ntohs(address.sin_port);
    std::thread([this] { Serve(); }).detach();
  }

  uint16_t port() const { return port_; }

  void Script(std::deque<Answer> answers) {
    std::lock_guard lock(mutex_);
    script_ = std::move(answers);
    exchanges_.clear();
  }
  std::vector<Exchange> Exchanges() {
    std::lock_guard lock(mutex_);
    return exchanges_;
  }

 private:
  void Serve() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      char request[512];
      for (ssize_t size; (size = recv(fd, request, sizeof request, 0)) > 0;) {
        if (!Reply(fd, {request, static_cast<size_t>(size)})) shutdown(fd, SHUT_WR);
      }
      close(fd);
    }
  }

  // False: nothing follows on this connection.
  bool Reply(int fd, const std::string& request) {
    Answer answer;
    {
      std::lock_guard lock(mutex_);
      if (script_.empty()) return false;
      answer = std::move(script_.front());
      script_.pop_front();
      Prepare(request, answer);
      exchanges_.push_back({request, answer.bytes});
    }
    const size_t first = (answer.mend & kInTwoParts) != 0 ? answer.bytes.size() / 2 : 0;
    send(fd, answer.bytes.data(), first, MSG_NOSIGNAL);
    send(fd, answer.bytes.data() + first, answer.bytes.size() - first, MSG_NOSIGNAL);
    // An answer that is not complete must have an end, or it costs a timeout.
    return (answer.mend & kStayOpen) != 0 && (answer.mend & kUnitAndFunction) != 0 &&
           IsComplete(answer.bytes);
  }

  // Of a function's answer; what is behind it is quietly ignored.
  static bool IsComplete(const std::string& answer) {
    if (answer.size() < kHeader + 2) return false;
    const bool reads = answer[kHeader] <= 4;
    return answer.size() >= kHeader + (reads ? 2u + static_cast<uint8_t>(answer[8]) : 5u);
  }

  static void Prepare(const std::string& request, Answer& answer) {
    std::string& bytes = answer.bytes;
    if (bytes.size() <= kHeader || request.size() <= kHeader) return;
    if ((answer.mend & kTransaction) != 0) bytes.replace(0, 4, request, 0, 4);
    if ((answer.mend & kLength) != 0) {
      bytes[4] = static_cast<char>((bytes.size() - 6) >> 8);
      bytes[5] = static_cast<char>(bytes.size() - 6);
    }
    if ((answer.mend & kUnitAndFunction) != 0) bytes.replace(6, 2, request, 6, 2);
  }

  int listener_;
  uint16_t port_;
  std::mutex mutex_;
  std::deque<Answer> script_;
  std::vector<Exchange> exchanges_;
};

Peer& ThePeer() {
  static Peer& peer = *new Peer;
  return peer;
}

void CheckError(const absl::Status& status) {
  Check(absl::IsFailedPrecondition(status) || absl::IsDeadlineExceeded(status) ||
            absl::IsDataLoss(status) || absl::IsUnavailable(status) ||
            absl::IsInvalidArgument(status),
        "an error that Bus has not");
  Check(!status.message().empty(), "an error without a text");
}

// What a reading of `count` words must have been, by the bytes on the wire.
std::optional<std::vector<uint16_t>> WordsOf(const Exchange& exchange, bool bits, size_t count) {
  const std::string& a = exchange.answer;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(a[i]); };
  const size_t bytes = bits ? (count + 7) / 8 : 2 * count;
  if (a.size() < kHeader + 2 + bytes || a.substr(0, 2) != exchange.request.substr(0, 2) ||
      a[7] != exchange.request[7] || byte(8) != bytes) {
    return std::nullopt;
  }
  std::vector<uint16_t> words(count);
  for (size_t i = 0; i < count; ++i) {
    words[i] = static_cast<uint16_t>(bits ? byte(9 + i / 8) >> (i % 8) & 1
                                          : byte(9 + 2 * i) << 8 | byte(10 + 2 * i));
  }
  return words;
}

constexpr process_data::Target kTarget = {1, absl::Seconds(20)};

void CheckRead(process_data::ModbusBus& bus, Input& input) {
  const RegisterAddress first = {static_cast<RegisterTable>(input.Below(4)), input.Word()};
  const bool bits = process_data::IsBitTable(first.table);
  std::vector<uint16_t> words(1 + input.Below(bits ? 2000 : 125));
  const size_t before = ThePeer().Exchanges().size();
  const absl::Status status =
      Bounded([&] { return bus.Read(kTarget, first, absl::MakeSpan(words)); });
  if (!status.ok()) return CheckError(status);
  const std::vector<Exchange> exchanges = ThePeer().Exchanges();
  Check(exchanges.size() == before + 1, "not one request");
  const auto expected = WordsOf(exchanges.back(), bits, words.size());
  Check(expected.has_value(), "a wrong answer was taken");
  Check(words == *expected, "other words");
}

void CheckWrite(process_data::ModbusBus& bus, Input& input) {
  const RegisterAddress first = {
      input.Byte() % 2 == 0 ? RegisterTable::kHolding : RegisterTable::kCoil, input.Word()};
  const bool coil = first.table == RegisterTable::kCoil;
  std::vector<uint16_t> words(coil ? 1 : 1 + input.Below(123), input.Word());
  const absl::Status status = Bounded([&] { return bus.Write(kTarget, first, words); });
  if (!status.ok()) CheckError(status);
}

// Points of every type, some in one block, some not.
config_store::v1::BusDevice DeviceConfig() {
  using config_store::v1::BusPoint;
  config_store::v1::BusDevice config;
  config.set_unit(1);
  config.set_timeout_ms(20'000);
  config.set_max_registers(125);
  config.set_max_hole(8);
  const auto add = [&config](BusPoint::Register table, BusPoint::Type type, uint32_t offset) {
    BusPoint& point = *config.add_points();
    point.set_register_(table);
    point.set_type(type);
    point.set_offset(offset);
    point.set_length(5);
    point.set_writable(true);
  };
  add(BusPoint::HOLDING, BusPoint::UINT16, 0);
  add(BusPoint::HOLDING, BusPoint::FLOAT32, 1);
  add(BusPoint::HOLDING, BusPoint::STRING, 4);
  add(BusPoint::HOLDING, BusPoint::FLOAT64, 500);
  add(BusPoint::INPUT, BusPoint::INT64, 0);
  add(BusPoint::COIL, BusPoint::BOOL, 3);
  add(BusPoint::DISCRETE, BusPoint::BOOL, 9);
  return config;
}

void CheckDevice(std::shared_ptr<process_data::ModbusBus> bus, Input& input) {
  process_data::RegisterDevice device("/Process/Bus1/Device1", DeviceConfig(), std::move(bus));
  const std::atomic<bool> give_up = false;
  process_data::Cycle cycle;
  const absl::Status polled = Bounded([&] { return device.Poll(false, give_up, cycle); });
  if (!polled.ok()) CheckError(polled);
  Check(cycle.samples.size() == device.points() && cycle.texts.size() == device.points(),
        "not one sample a point");
  for (size_t i = 0; i < cycle.samples.size(); ++i) {
    const process_data::Sample& sample = cycle.samples[i];
    Check(polled.ok() || !sample.valid, "a value without an answer");
    if (!sample.valid) continue;
    if (sample.kind == process_data::ValueKind::kFloat) {
      Check(std::isfinite(std::bit_cast<double>(sample.bits)), "no number");
    }
    if (sample.kind == process_data::ValueKind::kText) Check(IsUtf8(cycle.texts[i]), "not UTF-8");
  }
  const size_t point = input.Below(4);
  if (!device.CheckWrite(point, "1").ok()) return;
  const auto readback = Bounded([&] { return device.Write(point, "1"); });
  if (!readback.ok()) CheckError(readback.status());
}

void CheckInput(Input input) {
  const uint8_t mode = input.Byte();
  const absl::string_view operations = input.Bytes(32);
  std::deque<Answer> answers;
  while (!input.empty() && answers.size() < kMostOperations) {
    const uint8_t mend = input.Byte();
    answers.push_back({mend, std::string(input.Bytes(input.Below(300)))});
  }
  ThePeer().Script(std::move(answers));
  auto bus = std::make_shared<process_data::ModbusBus>("127.0.0.1", ThePeer().port());
  Input rest(reinterpret_cast<const uint8_t*>(operations.data()), operations.size());
  if (mode % 2 == 0) return CheckDevice(std::move(bus), rest);
  for (size_t i = 0; i < kMostOperations && !rest.empty(); ++i) {
    rest.Byte() % 4 == 0 ? CheckWrite(*bus, rest) : CheckRead(*bus, rest);
  }
}

}  // namespace
}  // namespace fieldgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fieldgate::fuzz::CheckInput({data, size});
  return 0;
}
