#include "services/process_data/modbus/modbus_bus.h"

#include <modbus-private.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "services/process_data/modbus/tcp_connect.h"

namespace fieldgate::process_data {
namespace {

constexpr int kNoSocket = -1;

// What libmodbus says of the socket is no text for people.
std::string TextOf(int error) {
  return error >= MODBUS_ENOBASE ? modbus_strerror(error) : std::strerror(error);
}

const modbus_backend_t* tcp_backend = nullptr;  // libmodbus's own

// libmodbus compares transaction and function of an answer, not its unit: a
// gateway that mixes them up would give one device's values to another.
// Requests to 0 and 255 are for the TCP device itself, whichever unit it calls
// itself.
int CheckAnswer(modbus_t* context, const uint8_t* request, const uint8_t* answer, int length) {
  constexpr int kUnit = 6;  // the last byte of the header
  if (tcp_backend->pre_check_confirmation(context, request, answer, length) != 0) return -1;
  const bool itself = request[kUnit] == 0 || request[kUnit] == MODBUS_TCP_SLAVE;
  if (itself || answer[kUnit] == request[kUnit]) return 0;
  errno = EMBBADSLAVE;
  return -1;
}

void CheckUnits(modbus_t* context) {
  static const modbus_backend_t& checking = *new modbus_backend_t([context] {
    tcp_backend = context->backend;
    modbus_backend_t backend = *tcp_backend;
    backend.pre_check_confirmation = CheckAnswer;
    return backend;
  }());
  context->backend = &checking;
}

}  // namespace

// The libmodbus context, its socket and the way to interrupt them.
class ModbusBus::Connection {
 public:
  Connection(std::string host, uint16_t port) : host_(std::move(host)), port_(port) {
    // The address is not used: connecting is done here, bounded in time, and
    // above all never with a socket that select() can't take.
    context_ = modbus_new_tcp("127.0.0.1", port);
    if (context_ != nullptr) CheckUnits(context_);
  }

  ~Connection() {
    Close();
    modbus_free(context_);
    close(cancel_fd_);
  }

  // A connection with nothing left in it, ready for a request to `target`.
  absl::Status Prepare(const Target& target) {
    if (context_ == nullptr || cancel_fd_ < 0) return absl::UnavailableError("out of memory");
    if (IsCancelled()) return absl::CancelledError("cancelled");
    if (modbus_set_slave(context_, target.unit) != 0) {
      return absl::InvalidArgumentError(absl::StrCat("Modbus TCP has no unit ", target.unit));
    }
    const timeval timeout = absl::ToTimeval(target.timeout);
    const auto seconds = static_cast<uint32_t>(timeout.tv_sec);
    const auto micros = static_cast<uint32_t>(timeout.tv_usec);
    modbus_set_response_timeout(context_, seconds, micros);
    modbus_set_byte_timeout(context_, 0, 0);  // the response timeout covers the whole answer
    if (socket_ != kNoSocket && !IsQuiet()) Close();
    if (socket_ != kNoSocket) return absl::OkStatus();
    const absl::StatusOr<int> fd = TcpConnect(host_, port_, target.timeout, cancel_fd_);
    if (!fd.ok()) return fd.status();
    std::lock_guard lock(mutex_);
    socket_ = *fd;
    modbus_set_socket(context_, socket_);
    return cancelled_ ? absl::CancelledError("cancelled") : absl::OkStatus();
  }

  // The status of a request that has just failed with errno `error`. Closes
  // the connection unless the answer was complete.
  absl::Status Failed(int error, absl::Duration timeout) {
    const int exception = error - MODBUS_ENOBASE;
    if (exception == MODBUS_EXCEPTION_GATEWAY_PATH ||
        exception == MODBUS_EXCEPTION_GATEWAY_TARGET) {
      return absl::DeadlineExceededError(absl::StrCat("gateway: ", TextOf(error)));
    }
    if (exception > 0 && exception < MODBUS_EXCEPTION_MAX) {
      return absl::FailedPreconditionError(
          absl::StrCat("Modbus exception ", exception, " (", TextOf(error), ")"));
    }
    Close();
    if (IsCancelled()) return absl::CancelledError("cancelled");
    if (error == ETIMEDOUT) {
      return absl::DeadlineExceededError(
          absl::StrCat("timeout after ", absl::ToInt64Milliseconds(timeout), " ms"));
    }
    if (error > MODBUS_ENOBASE) {
      return absl::DataLossError(absl::StrCat("wrong answer: ", TextOf(error)));
    }
    return absl::UnavailableError(absl::StrCat("connection lost: ", TextOf(error)));
  }

  void Close() {
    std::lock_guard lock(mutex_);
    if (socket_ == kNoSocket) return;
    modbus_close(context_);
    socket_ = kNoSocket;
  }

  void Cancel() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(cancel_fd_, &one, sizeof one);
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (socket_ != kNoSocket) shutdown(socket_, SHUT_RDWR);
  }

  modbus_t* context() { return context_; }

 private:
  // False: the peer has closed it, or sent what nobody asked for.
  bool IsQuiet() const {
    char byte;
    return recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  bool IsCancelled() {
    std::lock_guard lock(mutex_);
    return cancelled_;
  }

  const std::string host_;
  const uint16_t port_;
  modbus_t* context_ = nullptr;
  const int cancel_fd_ = eventfd(0, EFD_CLOEXEC);
  std::mutex mutex_;  // Cancel against opening and closing the socket
  int socket_ = kNoSocket;
  bool cancelled_ = false;
};

ModbusBus::ModbusBus(std::string host, uint16_t port)
    : connection_(std::make_unique<Connection>(std::move(host), port)) {}

ModbusBus::~ModbusBus() = default;

void ModbusBus::Cancel() { connection_->Cancel(); }

absl::Status ModbusBus::Read(const Target& target, RegisterAddress first,
                             absl::Span<uint16_t> words) {
  const auto count = static_cast<int>(words.size());
  if (absl::Status status = connection_->Prepare(target); !status.ok()) return status;
  modbus_t* context = connection_->context();
  uint8_t bits[MODBUS_MAX_READ_BITS];
  int done = -1;
  switch (first.table) {
    case RegisterTable::kHolding:
      done = modbus_read_registers(context, first.offset, count, words.data());
      break;
    case RegisterTable::kInput:
      done = modbus_read_input_registers(context, first.offset, count, words.data());
      break;
    case RegisterTable::kCoil:
      done = modbus_read_bits(context, first.offset, count, bits);
      break;
    case RegisterTable::kDiscrete:
      done = modbus_read_input_bits(context, first.offset, count, bits);
      break;
  }
  if (done != count) return connection_->Failed(errno, target.timeout);
  if (IsBitTable(first.table)) std::copy_n(bits, words.size(), words.begin());
  return absl::OkStatus();
}

absl::Status ModbusBus::Write(const Target& target, RegisterAddress first,
                              absl::Span<const uint16_t> words) {
  const auto count = static_cast<int>(words.size());
  if (absl::Status status = connection_->Prepare(target); !status.ok()) return status;
  modbus_t* context = connection_->context();
  int done = -1;
  if (first.table == RegisterTable::kCoil) {
    done = modbus_write_bit(context, first.offset, words[0] != 0);
  } else if (count == 1) {  // function 6, which also the smallest devices know
    done = modbus_write_register(context, first.offset, words[0]);
  } else {
    done = modbus_write_registers(context, first.offset, count, words.data());
  }
  if (done != count) return connection_->Failed(errno, target.timeout);
  return absl::OkStatus();
}

}  // namespace fieldgate::process_data
