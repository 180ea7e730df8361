#include "services/cloud_link/payload/data_layout.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "services/cloud_link/payload/columns.h"
#include "services/cloud_link/payload/data_model.h"
#include "services/cloud_link/payload/wire.h"

namespace fieldgate::cloud_link {
namespace {

constexpr uint8_t kVersion = 1;

// The longest number is -0.0000012345678901234567; with quotes.
constexpr size_t kMaxNumber = 32;

std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  tixml::AppendJsonEscaped(text, out);
  out += '"';
  return out;
}

template <class Integer>
char* Write(Integer number, char* to) {
  return std::to_chars(to, to + kMaxNumber, number).ptr;
}

// As AppendNumber, several times as fast for the decimals that sensors give:
// if a decimal of at most 15 digits reads back as `number`, it is the only one,
// and so the shortest form.
char* Write(double number, char* to) {
  constexpr uint64_t kParts = 1'000'000;
  const double magnitude = std::fabs(number);
  if (magnitude >= 1e-6 && magnitude < 1e9) {
    const auto parts = static_cast<uint64_t>(magnitude * kParts + 0.5);
    if (static_cast<double>(parts) / kParts == magnitude) {
      if (number < 0) *to++ = '-';
      to = Write(parts / kParts, to);
      uint64_t fraction = parts % kParts;
      if (fraction == 0) return to;
      *to = '.';
      char* end = to + 7;
      for (char* digit = to + 6; digit > to; --digit, fraction /= 10) {
        *digit = static_cast<char>('0' + fraction % 10);
      }
      while (end[-1] == '0') --end;
      return end;
    }
  }
  const auto format = magnitude >= 1e-6 && magnitude < 1e15 ? std::chars_format::fixed
                                                            : std::chars_format::scientific;
  return std::to_chars(to, to + kMaxNumber, number, format).ptr;
}

bool IsTrue(const Cell& cell) {
  switch (cell.kind) {
    case CellKind::kTrue:
      return true;
    case CellKind::kInt:
    case CellKind::kUint:
      return cell.bits != 0;
    case CellKind::kDouble:
      return NumberOf(cell) != 0;
    default:
      return false;
  }
}

// A fingerprint of a stored layout, so that a damaged one is never used.
uint64_t Fnv1a(absl::string_view bytes) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return hash;
}

}  // namespace

absl::StatusOr<DataLayout> DataLayout::Create(const config_store::v1::Connector& connector) {
  const DataModel model = DataModel::Of(connector);
  if (!model.conflict.ok()) return model.conflict;
  DataLayout layout;
  layout.json_ = connector.format() == config_store::v1::JSON;
  if (layout.json_) {
    layout.head_ = "{\"message_id\":";
    layout.after_id_ = ",\"timestamp\":";
    layout.after_timestamp_ = ",\"controllers\":[";
    layout.tail_ = "]}";
    layout.before_state_ = ",\"sensor_state\":";
    layout.after_state_ = "}";
    layout.separator_ = ",";
  } else {
    const bool xml = connector.format() == config_store::v1::XML;
    const bool braces = !xml && connector.tixml_braces();
    layout.head_ =
        absl::StrCat(braces ? "{\n" : "", "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n",
                     xml ? "<data>\n" : "", "<message_id _=\"");
    layout.after_id_ = "\"/>\n<timestamp _=\"";
    layout.after_timestamp_ = "\"/>\n<controllers>";
    layout.tail_ = absl::StrCat("</controllers>\n", xml ? "</data>\n" : braces ? "}" : "");
    layout.before_state_ = "\" state=\"";
    layout.after_state_ = "\"/>";
  }
  // The first slot of each sensor.
  std::vector<std::vector<uint32_t>> slots;
  for (const DataModel::Controller& controller : model.controllers) {
    const auto number = static_cast<uint32_t>(layout.controllers_.size());
    layout.controllers_.push_back(
        layout.json_
            ? Controller{absl::StrCat("{\"external_controller_id\":", JsonString(controller.id),
                                      ",\"sensors\":["),
                         "]}"}
            : Controller{absl::StrCat("<", controller.id, "><sensors>"),
                         absl::StrCat("</sensors></", controller.id, ">")});
    std::vector<uint32_t>& first_slots = slots.emplace_back();
    for (const DataModel::Sensor& sensor : controller.sensors) {
      const absl::string_view type = TypeOf(*sensor.point);
      Slot slot;
      slot.controller = number;
      slot.gps = sensor.gps;
      slot.typing = type == "switch"   ? Typing::kSwitch
                    : type == "custom" ? Typing::kString
                                       : Typing::kPlain;
      slot.before = layout.json_ ? absl::StrCat("{\"external_sensor_id\":", JsonString(sensor.id),
                                                ",\"value\":")
                                 : absl::StrCat("<", sensor.id, " _=\"");
      slot.open = sensor.gps_pair;
      first_slots.push_back(static_cast<uint32_t>(layout.slots_.size()));
      layout.slots_.push_back(slot);
      if (!sensor.gps_pair) continue;
      slot.before = sensor.point->second_is_longitude() ? "\" lng=\"" : "\" lat=\"";
      slot.open = false;
      layout.slots_.push_back(std::move(slot));
    }
  }
  for (const DataModel::Place& place : model.channels) {
    layout.slot_of_channel_.push_back(slots[place.controller][place.sensor] +
                                      (place.second ? 1 : 0));
  }
  return layout;
}

// --- Storage --------------------------------------------------------------------

std::string DataLayout::Serialize() const {
  std::string out(1, static_cast<char>(kVersion));
  wire::PutVarint(json_, out);
  for (const std::string* part : {&head_, &after_id_, &after_timestamp_, &tail_, &before_state_,
                                  &after_state_, &separator_}) {
    wire::PutBytes(*part, out);
  }
  wire::PutVarint(controllers_.size(), out);
  for (const Controller& controller : controllers_) {
    wire::PutBytes(controller.open, out);
    wire::PutBytes(controller.close, out);
  }
  wire::PutVarint(slots_.size(), out);
  for (const Slot& slot : slots_) {
    wire::PutVarint(slot.controller, out);
    wire::PutBytes(slot.before, out);
    wire::PutVarint(static_cast<uint64_t>(slot.typing) << 2 | slot.gps << 1 | slot.open, out);
  }
  wire::PutVarint(slot_of_channel_.size(), out);
  for (const uint32_t slot : slot_of_channel_) wire::PutVarint(slot, out);
  const uint64_t fingerprint = Fnv1a(out);
  char bytes[sizeof fingerprint];
  std::memcpy(bytes, &fingerprint, sizeof bytes);
  out.append(bytes, sizeof bytes);
  return out;
}

absl::StatusOr<DataLayout> DataLayout::Parse(absl::string_view bytes) {
  const absl::Status damaged = absl::DataLossError("stored data layout is damaged");
  constexpr size_t kFingerprint = sizeof(uint64_t);
  if (bytes.size() < kFingerprint) return damaged;
  const absl::string_view content = bytes.substr(0, bytes.size() - kFingerprint);
  wire::Reader end(bytes.substr(content.size()));
  wire::Reader in(content);
  if (end.Fixed64() != Fnv1a(content) || in.Byte() != kVersion) return damaged;
  DataLayout layout;
  layout.json_ = in.Varint() != 0;
  for (std::string* part :
       {&layout.head_, &layout.after_id_, &layout.after_timestamp_, &layout.tail_,
        &layout.before_state_, &layout.after_state_, &layout.separator_}) {
    *part = std::string(in.Bytes());
  }
  for (size_t n = in.Count(); n > 0; --n) {
    Controller& controller = layout.controllers_.emplace_back();
    controller.open = std::string(in.Bytes());
    controller.close = std::string(in.Bytes());
  }
  for (size_t n = in.Count(); n > 0; --n) {
    Slot& slot = layout.slots_.emplace_back();
    const uint64_t controller = in.Varint();
    slot.before = std::string(in.Bytes());
    const uint64_t flags = in.Varint();
    if (controller >= layout.controllers_.size() || flags >> 2 > 2) return damaged;
    slot.controller = static_cast<uint32_t>(controller);
    slot.typing = static_cast<Typing>(flags >> 2);
    slot.gps = (flags & 2) != 0;
    slot.open = (flags & 1) != 0;
  }
  if (!layout.slots_.empty() && layout.slots_.back().open) return damaged;
  for (size_t n = in.Count(); n > 0; --n) {
    const uint64_t slot = in.Varint();
    if (slot >= layout.slots_.size()) return damaged;
    layout.slot_of_channel_.push_back(static_cast<uint32_t>(slot));
  }
  if (!in.AtEnd()) return damaged;
  return layout;
}

// --- Bodies ---------------------------------------------------------------------

namespace {

// Slot (high half) and index of each cell in the order of the slots, which is
// that of bodies, while cells are in the order of channels. Of two cells with
// one slot only the first is there.
std::vector<uint64_t> OrderOf(const std::vector<Cell>& cells,
                              const std::vector<uint32_t>& slot_of_channel, size_t slot_count) {
  std::vector<uint64_t> order(cells.size());
  bool sorted = true;
  for (size_t i = 0; i < cells.size(); ++i) {
    order[i] = static_cast<uint64_t>(slot_of_channel[cells[i].channel]) << 32 | i;
    sorted = sorted && (i == 0 || order[i - 1] >> 32 < order[i] >> 32);
  }
  if (sorted) return order;
  constexpr size_t kDense = 8;  // from there on a pass over all slots is cheaper than sorting
  if (order.size() < slot_count / kDense) {
    std::sort(order.begin(), order.end());
    order.erase(std::unique(order.begin(), order.end(),
                            [](uint64_t a, uint64_t b) { return a >> 32 == b >> 32; }),
                order.end());
    return order;
  }
  constexpr uint64_t kNone = ~uint64_t{0};
  std::vector<uint64_t> by_slot(slot_count, kNone);
  for (const uint64_t entry : order) by_slot[entry >> 32] = std::min(by_slot[entry >> 32], entry);
  by_slot.erase(std::remove(by_slot.begin(), by_slot.end(), kNone), by_slot.end());
  return by_slot;
}

}  // namespace

// Writes behind what `out` holds already.
class DataLayout::Body {
 public:
  Body(bool json, size_t expected, std::string& out) : json_(json), out_(out), size_(out.size()) {
    out_.resize(size_ + expected);
  }

  void Put(absl::string_view text) {
    Need(text.size());
    PutFitting(text);
  }
  void PutInteger(int64_t number) {
    Need(kMaxNumber);
    SetEnd(Write(number, End()));
  }
  void PutValue(const Slot& slot, const Cell& cell, absl::string_view columns) {
    Need(slot.before.size() + kMaxNumber);
    PutFitting(slot.before);
    const bool has_text = cell.kind == CellKind::kNone || cell.kind == CellKind::kText;
    if (slot.typing == Typing::kSwitch) {
      const absl::string_view text = has_text ? TextOf(cell, columns) : absl::string_view();
      if (!has_text || text == "true" || text == "false" || text == "1" || text == "0") {
        return PutFitting(IsTrue(cell) || text == "true" || text == "1" ? "true" : "false");
      }
    }
    const bool quoted = json_ && (has_text || slot.typing == Typing::kString);
    if (quoted) PutFitting("\"");
    PutRaw(cell, columns);
    if (quoted) PutFitting("\"");
  }
  void PutState(uint8_t state, absl::string_view before, absl::string_view after) {
    Need(before.size() + 1 + after.size());
    PutFitting(before);
    *End() = static_cast<char>('0' + state);
    ++size_;
    PutFitting(after);
  }
  void Finish() { out_.resize(size_); }

 private:
  char* End() { return out_.data() + size_; }
  void SetEnd(const char* end) { size_ = static_cast<size_t>(end - out_.data()); }
  void Need(size_t bytes) {
    if (out_.size() - size_ < bytes) out_.resize(2 * out_.size() + bytes);
  }
  void PutFitting(absl::string_view text) {
    std::memcpy(End(), text.data(), text.size());
    size_ += text.size();
  }

  void PutRaw(const Cell& cell, absl::string_view columns) {
    switch (cell.kind) {
      case CellKind::kNone:
        return;
      case CellKind::kFalse:
        return PutFitting("0");
      case CellKind::kTrue:
        return PutFitting("1");
      case CellKind::kInt:
        return SetEnd(Write(static_cast<int64_t>(cell.bits), End()));
      case CellKind::kUint:
        return SetEnd(Write(cell.bits, End()));
      case CellKind::kDouble:
        return SetEnd(Write(NumberOf(cell), End()));
      case CellKind::kText:
        break;
    }
    escaped_.clear();
    (json_ ? tixml::AppendJsonEscaped : tixml::AppendXmlEscaped)(TextOf(cell, columns), escaped_);
    Need(escaped_.size() + 1);  // and the quote
    PutFitting(escaped_);
  }

  const bool json_;
  std::string& out_;
  size_t size_;  // of what is written; out_ is longer
  std::string escaped_;
};

absl::Status DataLayout::AppendBody(absl::string_view columns, int64_t message_id,
                                    int64_t timestamp, std::string& out) const {
  absl::StatusOr<std::vector<Cell>> cells = UnpackColumns(columns, slot_of_channel_.size());
  if (!cells.ok()) return cells.status();
  const std::vector<uint64_t> order = OrderOf(*cells, slot_of_channel_, slots_.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t slot = order[i] >> 32;
    const bool after_first = i > 0 && order[i - 1] >> 32 == slot - 1;
    const bool before_second = i + 1 < order.size() && order[i + 1] >> 32 == slot + 1;
    if ((slots_[slot].open && !before_second) ||
        (slot > 0 && slots_[slot - 1].open && !after_first)) {
      return absl::DataLossError("stored columns hold one of two gps values");
    }
  }

  constexpr size_t kExpectedPerValue = 64;
  Body body(json_, 256 + order.size() * kExpectedPerValue, out);
  body.Put(head_);
  body.PutInteger(message_id);
  body.Put(after_id_);
  body.PutInteger(timestamp);
  body.Put(after_timestamp_);
  const Slot* last = nullptr;
  for (const uint64_t entry : order) {
    const Slot& slot = slots_[entry >> 32];
    const Cell& cell = (*cells)[entry & 0xFFFFFFFF];
    if (last == nullptr || slot.controller != last->controller) {
      if (last != nullptr) {
        body.Put(controllers_[last->controller].close);
        body.Put(separator_);
      }
      body.Put(controllers_[slot.controller].open);
    } else if (!last->open) {
      body.Put(separator_);
    }
    body.PutValue(slot, cell, columns);
    if (!slot.open) body.PutState(slot.gps ? 2 : cell.state, before_state_, after_state_);
    last = &slot;
  }
  if (last != nullptr) body.Put(controllers_[last->controller].close);
  body.Put(tail_);
  body.Finish();
  return absl::OkStatus();
}

}  // namespace fieldgate::cloud_link
