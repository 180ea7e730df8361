#include "services/cloud_link/payload/columns.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "services/cloud_link/payload/wire.h"

namespace fieldgate::cloud_link {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kMaxState = 2;

// From here on AppendNumber writes an exponent, which an integer has not.
constexpr double kFirstWithExponent = 1e15;

CellKind KindOf(const Value& value) {
  if (const auto* d = std::get_if<double>(&value)) {
    if (!std::isfinite(*d)) return CellKind::kNone;  // nothing can be written for it
    const bool integer = std::fabs(*d) < kFirstWithExponent && *d == std::trunc(*d);
    return integer ? CellKind::kInt : CellKind::kDouble;
  }
  if (std::holds_alternative<int64_t>(value)) return CellKind::kInt;
  if (std::holds_alternative<uint64_t>(value)) return CellKind::kUint;
  if (const auto* b = std::get_if<bool>(&value)) return *b ? CellKind::kTrue : CellKind::kFalse;
  if (std::holds_alternative<std::string>(value)) return CellKind::kText;
  return CellKind::kNone;
}

void PutValue(CellKind kind, const Value& value, std::string& out) {
  switch (kind) {
    case CellKind::kInt: {
      const auto* d = std::get_if<double>(&value);
      wire::PutVarint(
          wire::ZigZag(d != nullptr ? static_cast<int64_t>(*d) : std::get<int64_t>(value)), out);
      break;
    }
    case CellKind::kUint:
      wire::PutVarint(std::get<uint64_t>(value), out);
      break;
    case CellKind::kDouble: {
      char bytes[sizeof(double)];
      std::memcpy(bytes, &std::get<double>(value), sizeof bytes);
      out.append(bytes, sizeof bytes);
      break;
    }
    case CellKind::kText:
      wire::PutBytes(std::get<std::string>(value), out);
      break;
    default:
      break;
  }
}

// `sample_at(i)` is the index of the i-th of `count` samples.
template <class SampleAt>
void PutSamples(size_t count, SampleAt sample_at, absl::Span<const Sample> samples,
                std::string& out) {
  std::string tags(count, '\0');
  for (size_t i = 0; i < count; ++i) {
    const Sample& sample = samples[sample_at(i)];
    tags[i] = static_cast<char>(static_cast<uint8_t>(KindOf(sample.value)) |
                                std::min(sample.state, kMaxState) << 4);
  }
  for (size_t i = 0; i < count;) {
    const size_t begin = i;
    while (i < count && tags[i] == tags[begin]) ++i;
    out.push_back(tags[begin]);
    wire::PutVarint(i - begin, out);
  }
  for (size_t i = 0; i < count; ++i) {
    PutValue(static_cast<CellKind>(tags[i] & 0x0F), samples[sample_at(i)].value, out);
  }
}

absl::Status Damaged(const wire::Reader& in, absl::string_view what) {
  return absl::DataLossError(std::string(what) + " of stored columns at byte " +
                             std::to_string(in.Offset()));
}

}  // namespace

std::string PackColumns(absl::Span<const uint32_t> channels, absl::Span<const Sample> samples,
                        uint32_t first_sample) {
  std::string runs;
  size_t run_count = 0;
  uint32_t end = 0;  // of the run before
  for (size_t i = 0; i < channels.size(); ++run_count) {
    const size_t begin = i;
    do {
      ++i;
    } while (i < channels.size() && channels[i] == channels[i - 1] + 1);
    wire::PutVarint(channels[begin] - end, runs);
    wire::PutVarint(i - begin, runs);
    end = channels[i - 1] + 1;
  }
  std::string out(1, static_cast<char>(kVersion));
  wire::PutVarint(run_count, out);
  out += runs;
  PutSamples(
      channels.size(), [&](size_t i) { return channels[i] - first_sample; }, samples, out);
  return out;
}

std::string PackColumns(uint32_t first, uint32_t count, absl::Span<const Sample> samples) {
  std::string out(1, static_cast<char>(kVersion));
  wire::PutVarint(count > 0 ? 1 : 0, out);
  if (count > 0) {
    wire::PutVarint(first, out);
    wire::PutVarint(count, out);
  }
  PutSamples(
      count, [first](size_t i) { return first + i; }, samples, out);
  return out;
}

absl::StatusOr<std::vector<Cell>> UnpackColumns(absl::string_view columns, size_t channel_count) {
  wire::Reader in(columns);
  // Offsets of texts have 32 bits.
  if (columns.size() > 0xFFFFFFFF || in.Byte() != kVersion) return Damaged(in, "unknown form");
  std::vector<Cell> cells;
  uint64_t channel = 0;
  for (size_t runs = in.Count(); runs > 0; --runs) {
    const uint64_t gap = in.Varint();
    const uint64_t length = in.Varint();
    const uint64_t left = channel_count - channel;
    if (!in.ok() || length == 0 || gap > left || length > left - gap) {
      return Damaged(in, "bad channels");
    }
    channel += gap;
    const size_t begin = cells.size();
    cells.resize(begin + length);
    for (size_t i = begin; i < cells.size(); ++i) {
      cells[i].channel = static_cast<uint32_t>(channel++);
    }
  }
  for (size_t i = 0; i < cells.size();) {
    const uint8_t tag = in.Byte();
    const uint64_t length = in.Varint();
    const auto kind = static_cast<CellKind>(tag & 0x0F);
    const auto state = static_cast<uint8_t>(tag >> 4);
    if (!in.ok() || kind > CellKind::kText || state > kMaxState || length == 0 ||
        length > cells.size() - i) {
      return Damaged(in, "bad kinds or states");
    }
    for (const size_t end = i + length; i < end; ++i) {
      cells[i].kind = kind;
      cells[i].state = state;
    }
  }
  for (Cell& cell : cells) {
    switch (cell.kind) {
      case CellKind::kInt:
        cell.bits = static_cast<uint64_t>(wire::UnZigZag(in.Varint()));
        break;
      case CellKind::kUint:
        cell.bits = in.Varint();
        break;
      case CellKind::kDouble:
        cell.bits = in.Fixed64();
        if (!std::isfinite(NumberOf(cell))) return Damaged(in, "bad number");
        break;
      case CellKind::kText: {
        const size_t size = in.Bytes().size();
        cell.bits = static_cast<uint64_t>(in.Offset() - size) << 32 | size;
        break;
      }
      default:
        break;
    }
  }
  if (!in.AtEnd()) return Damaged(in, "bad values");
  return cells;
}

}  // namespace fieldgate::cloud_link
