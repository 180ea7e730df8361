#include "services/process_data/bus/register_device.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/status.h"

namespace fieldgate::process_data {
namespace {

// One can be a block that the device ignores where it should send an
// exception; at the second it is dead, or the line is.
constexpr int kMaxUnanswered = 2;

const char* NameOf(RegisterTable table) {
  switch (table) {
    case RegisterTable::kHolding:
      return "holding registers ";
    case RegisterTable::kInput:
      return "input registers ";
    case RegisterTable::kCoil:
      return "coils ";
    case RegisterTable::kDiscrete:
      return "discrete inputs ";
  }
  return "";
}

std::string NameOf(const PollPlan::Block& block) {
  return absl::StrCat(NameOf(block.first.table), block.first.offset, " to ",
                      block.first.offset + block.count - 1);
}

// Trying again can't change these.
bool IsFinal(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status) ||
         absl::IsCancelled(status);
}

}  // namespace

RegisterDevice::RegisterDevice(std::string path, const config_store::v1::BusDevice& config,
                               std::shared_ptr<Bus> bus)
    : path_(std::move(path)), bus_(std::move(bus)), retries_(config.retries()) {
  target_.unit = static_cast<uint8_t>(config.unit());
  target_.timeout = absl::Milliseconds(config.timeout_ms());
  std::vector<PointRange> ranges;
  for (const config_store::v1::BusPoint& point : config.points()) {
    points_.push_back({PointCodec::Create(point), point.writable()});
    const absl::StatusOr<PointCodec>& codec = points_.back().codec;
    if (codec.ok()) {
      ranges.push_back({codec->first(), codec->count()});
    } else {
      ranges.emplace_back();
      log::Warning("point can't be read", {{"point", absl::StrCat(path_, "/", point.name())},
                                           {"error", std::string(codec.status().message())}});
    }
  }
  plan_ = PlanPoll(ranges, {config.max_registers(), config.max_hole()});
  results_.resize(plan_.blocks.size());
  failures_.resize(plan_.blocks.size());
  size_t longest = 0;
  for (const PollPlan::Block& block : plan_.blocks) {
    longest = std::max<size_t>(longest, block.count);
  }
  words_.resize(longest);
}

absl::Status RegisterDevice::ReadWithRetries(bool retry, RegisterAddress first,
                                             absl::Span<uint16_t> words) {
  absl::Status status = bus_->Read(target_, first, words);
  for (uint32_t i = 0; retry && i < retries_ && !status.ok() && !IsFinal(status); ++i) {
    status = bus_->Read(target_, first, words);
  }
  return status;
}

absl::Status RegisterDevice::Poll(bool retry, const std::atomic<bool>& give_up, Cycle& cycle) {
  cycle.samples.resize(points_.size());
  cycle.texts.resize(points_.size());
  for (Sample& sample : cycle.samples) sample.valid = false;
  std::fill(results_.begin(), results_.end(), absl::OkStatus());
  absl::Status first_error;
  bool answered = false;
  int unanswered = 0;
  for (size_t b = 0; b < plan_.blocks.size(); ++b) {
    if (give_up.load(std::memory_order_relaxed)) return absl::CancelledError("polling was stopped");
    const PollPlan::Block& block = plan_.blocks[b];
    const absl::Status status =
        ReadWithRetries(retry, block.first, absl::MakeSpan(words_.data(), block.count));
    if (absl::IsCancelled(status)) return status;
    results_[b] = status;
    if (!status.ok()) {
      if (first_error.ok()) first_error = status;
      if (absl::IsFailedPrecondition(status)) continue;  // it answers, if only "no"
      if (absl::IsUnavailable(status) || ++unanswered == kMaxUnanswered) break;
      continue;
    }
    answered = true;
    for (const PollPlan::Item& item : block.items) {
      cycle.samples[item.point] =
          points_[item.point].codec->Decode(words_.data() + item.word, cycle.texts[item.point]);
    }
  }
  if (plan_.blocks.empty()) return absl::FailedPreconditionError("no point to read");
  if (!answered) return first_error;
  NoteBlocks();
  return absl::OkStatus();
}

void RegisterDevice::NoteBlocks() {
  for (size_t b = 0; b < results_.size(); ++b) {
    if (results_[b].ok() && failures_[b] > 0) {
      log::Info("block is read again", {{"device", path_},
                                        {"block", NameOf(plan_.blocks[b])},
                                        {"failures", std::to_string(failures_[b])}});
      failures_[b] = 0;
    } else if (!results_[b].ok() && ++failures_[b] == 1) {
      log::Warning("block can't be read", {{"device", path_},
                                           {"block", NameOf(plan_.blocks[b])},
                                           {"error", std::string(results_[b].message())}});
    }
  }
}

absl::Status RegisterDevice::CheckWrite(size_t point, absl::string_view text) const {
  const Point& p = points_[point];
  if (!p.codec.ok()) return p.codec.status();
  const RegisterTable table = p.codec->first().table;
  const bool can_be_written = table == RegisterTable::kHolding || table == RegisterTable::kCoil;
  if (!p.writable || !can_be_written) {
    return absl::PermissionDeniedError("the point is read-only");
  }
  return p.codec->Encode(text).status();
}

absl::StatusOr<Readback> RegisterDevice::Write(size_t point, absl::string_view text) {
  const PointCodec& codec = *points_[point].codec;
  absl::StatusOr<std::vector<uint16_t>> words = codec.Encode(text);
  if (!words.ok()) return words.status();
  if (codec.is_bit_of_register()) {
    const bool on = words->front() != 0;
    const absl::Status read = ReadWithRetries(true, codec.first(), absl::MakeSpan(*words));
    if (!read.ok()) return Annotate(read, "reading the register of the bit");
    words->front() = codec.WithBit(words->front(), on);
  }
  absl::Status written = bus_->Write(target_, codec.first(), *words);
  for (uint32_t i = 0; i < retries_ && !written.ok() && !IsFinal(written); ++i) {
    written = bus_->Write(target_, codec.first(), *words);
  }
  if (!written.ok()) return written;
  Readback readback;
  if (ReadWithRetries(true, codec.first(), absl::MakeSpan(*words)).ok()) {
    readback.sample = codec.Decode(words->data(), readback.text);
  }
  return readback;
}

}  // namespace fieldgate::process_data
