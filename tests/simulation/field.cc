#include "tests/simulation/field.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate::simulation {

using process_data::RegisterAddress;
using process_data::Target;

class SimulatedBus : public process_data::Bus {
 public:
  SimulatedBus(Field& field, Process& process, std::string host)
      : field_(field),
        process_(process),
        host_(std::move(host)),
        changed_(process.MakeConditionVariable()) {}

  absl::Status Read(const Target& target, RegisterAddress first,
                    absl::Span<uint16_t> words) override {
    if (process_.alive() && first.offset == 0) field_.NotePoll(host_);
    if (absl::Status s = Exchange(target); !s.ok()) return s;
    field_.Read(field_.device(host_), first, words);
    return absl::OkStatus();
  }

  absl::Status Write(const Target& target, RegisterAddress first,
                     absl::Span<const uint16_t> words) override {
    field_.Disturb(host_);  // it comes between two polls
    if (absl::Status s = Exchange(target); !s.ok()) return s;
    if (!process_.alive()) return absl::UnavailableError("the connection broke");
    Device& device = field_.device(host_);
    if (first.offset != 10 || words.size() != 1) {
      return absl::FailedPreconditionError("Modbus exception 2: no such register");
    }
    device.written = words[0];
    ++device.writes[words[0]];
    return absl::OkStatus();
  }

  void Cancel() override {
    cancelled_ = true;
    changed_->NotifyAll();
  }

 private:
  absl::Status Exchange(const Target& target) {
    const DeviceMood mood = field_.device(host_).mood;
    absl::Duration takes = field_.random_.Between(absl::Microseconds(200), field_.latency);
    if (mood == DeviceMood::kSilent) takes = target.timeout;
    const MonotonicTime end = process_.clock().Now() + takes;
    {
      std::unique_lock lock(mutex_);
      changed_->AwaitUntil(lock, end, [this] { return cancelled_; });
    }
    if (cancelled_) return absl::CancelledError("cancelled");
    switch (mood) {
      case DeviceMood::kAnswers:
        return absl::OkStatus();
      case DeviceMood::kSilent:
        return absl::DeadlineExceededError("no answer in time");
      case DeviceMood::kRefuses:
        return absl::FailedPreconditionError("Modbus exception 4: device failure");
      case DeviceMood::kNoConnection:
        return absl::UnavailableError("connection refused");
      case DeviceMood::kGarbled:
        return absl::DataLossError("the answer makes no sense");
    }
    return absl::OkStatus();
  }

  Field& field_;
  Process& process_;
  const std::string host_;
  const std::unique_ptr<ConditionVariable> changed_;
  std::mutex mutex_;
  bool cancelled_ = false;
};

std::shared_ptr<process_data::Bus> Field::Connect(Process& process, const std::string& host) {
  return std::make_shared<SimulatedBus>(*this, process, host);
}

void Field::SetMood(const std::string& host, DeviceMood mood) {
  Device& device = devices_[host];
  if (device.mood == mood) return;
  device.mood = mood;
  Disturb(host);
}

void Field::Disturb() {
  for (auto& [host, device] : devices_) device.unchecked = 2;
}

void Field::Disturb(const std::string& host) { devices_[host].unchecked = 2; }

void Field::NotePoll(const std::string& host) {
  Device& device = devices_[host];
  const MonotonicTime last = std::exchange(device.last_poll, scheduler_.now());
  if (device.mood != DeviceMood::kAnswers) device.unchecked = 2;
  if (device.unchecked > 0) {
    --device.unchecked;
    return;
  }
  ++rate_checks_;
  const absl::Duration off = scheduler_.now() - last - poll_period_;
  if (absl::AbsDuration(off) > kRateTolerance) {
    trace_.Fail("a poll of ", host, " comes ", absl::FormatDuration(scheduler_.now() - last),
                " after the one before, not ", absl::FormatDuration(poll_period_));
  }
}

void Field::Read(Device& device, RegisterAddress first, absl::Span<uint16_t> words) {
  if (first.offset == 0) {
    ++device.polls;
    device.level =
        static_cast<uint16_t>(std::clamp<int64_t>(device.level + random_.Between(-3, 3), 80, 120));
  }
  for (size_t i = 0; i < words.size(); ++i) {
    switch (first.offset + i) {
      case 0:
        words[i] = static_cast<uint16_t>(device.polls >> 16);
        break;
      case 1:
        words[i] = static_cast<uint16_t>(device.polls & 0xffff);
        break;
      case 2:
        words[i] = device.level;
        break;
      case 10:
        words[i] = device.written;
        break;
      default:
        words[i] = 0;
    }
  }
}

}  // namespace fieldgate::simulation
