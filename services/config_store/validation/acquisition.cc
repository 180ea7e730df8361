#include "services/config_store/validation/acquisition.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/cli/options.h"
#include "common/system_tree/paths.h"
#include "services/config_store/validation/fields.h"
#include "services/config_store/validation/formats.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;

constexpr int kModbusPort = 502;
// Of a bus, device, point or variable: a path holds three of them, and each
// message has them again.
constexpr size_t kMaxName = 128;
constexpr uint32_t kAddresses = 65'536;  // of each of the four Modbus tables

constexpr std::pair<absl::string_view, v1::Bus::Protocol> kProtocols[] = {
    {"ModbusTCP", v1::Bus::MODBUS_TCP}, {"Simulated", v1::Bus::SIMULATED}};
constexpr std::pair<absl::string_view, v1::BusPoint::Register> kRegisters[] = {
    {"holding", v1::BusPoint::HOLDING},
    {"input", v1::BusPoint::INPUT},
    {"coil", v1::BusPoint::COIL},
    {"discrete", v1::BusPoint::DISCRETE}};
constexpr std::pair<absl::string_view, v1::BusPoint::Type> kTypes[] = {
    {"bool", v1::BusPoint::BOOL},       {"uint16", v1::BusPoint::UINT16},
    {"int16", v1::BusPoint::INT16},     {"uint32", v1::BusPoint::UINT32},
    {"int32", v1::BusPoint::INT32},     {"uint64", v1::BusPoint::UINT64},
    {"int64", v1::BusPoint::INT64},     {"float32", v1::BusPoint::FLOAT32},
    {"float64", v1::BusPoint::FLOAT64}, {"string", v1::BusPoint::STRING}};
constexpr std::pair<absl::string_view, v1::BusPoint::ByteOrder> kByteOrders[] = {
    {"ABCD", v1::BusPoint::ABCD},
    {"CDAB", v1::BusPoint::CDAB},
    {"BADC", v1::BusPoint::BADC},
    {"DCBA", v1::BusPoint::DCBA}};
constexpr std::pair<absl::string_view, bool> kAccess[] = {{"r", false}, {"rw", true}};

bool IsBits(v1::BusPoint::Register r) {
  return r == v1::BusPoint::COIL || r == v1::BusPoint::DISCRETE;
}

// Addresses that the point takes up: registers, or one bit.
uint32_t SizeOf(const v1::BusPoint& point) {
  switch (point.type()) {
    case v1::BusPoint::UINT32:
    case v1::BusPoint::INT32:
    case v1::BusPoint::FLOAT32:
      return 2;
    case v1::BusPoint::UINT64:
    case v1::BusPoint::INT64:
    case v1::BusPoint::FLOAT64:
      return 4;
    case v1::BusPoint::STRING:
      return (point.length() + 1) / 2;
    default:
      return 1;
  }
}

class AcquisitionReader {
 public:
  explicit AcquisitionReader(Problems& problems) : problems_(problems) {}

  v1::Acquisition Read(const Node& proccfg) {
    v1::Acquisition acquisition;
    const Place root = {"/PROCCFG", 0};
    for (const Node& child : proccfg.children) {
      const Place place = root.Child(child);
      if (child.name == "External") {
        ReadEach(child, place, bus_names_, *acquisition.mutable_buses(),
                 [&](const Node& node, const Place& at, v1::Bus& bus) {
                   return ReadBus(node, at, bus);
                 });
      } else if (child.name == "ProcessVars") {
        ReadEach(child, place, variable_names_, *acquisition.mutable_process_variables(),
                 [&](const Node& node, const Place& at, v1::ProcessVariable& variable) {
                   ReadVariable(node, at, variable);
                   return 0;
                 });
      } else {
        WarnIfMisspelt(child, place);
      }
    }
    return acquisition;
  }

 private:
  using Names = absl::flat_hash_set<std::string>;

  // Reads each child into a new entry of `list` unless it has errors; errors
  // deeper in it, which `read_one` doesn't count, cost only what is there. Names
  // are levels of a path, so they must be fit for one, and unique.
  template <class List, class ReadOne>
  void ReadEach(const Node& parent, const Place& place, Names& names, List& list,
                ReadOne read_one) {
    for (const Node& child : parent.children) {
      const Place child_place = place.Child(child);
      const int errors = problems_.errors();
      if (!IsPathLevel(child.name) || child.name.size() > kMaxName) {
        problems_.Error(child_place, absl::StrCat(Quote(child.name), " can't be part of a path"),
                        absl::StrCat("write a name of at most ", kMaxName,
                                     " of the characters A-Z a-z 0-9 _ . : -"));
      }
      if (!names.insert(child.name).second) {
        problems_.Error(child_place, absl::StrCat("the name ", child.name, " is given twice"),
                        "rename one of them");
      }
      auto& entry = *list.Add();
      entry.set_name(child.name);
      const int deeper_errors = read_one(child, child_place, entry);
      if (problems_.errors() > errors + deeper_errors) list.RemoveLast();
    }
  }

  void WarnIfMisspelt(const Node& child, const Place& place) {
    const std::string nearest = cli::Nearest(child.name, {"External", "ProcessVars"});
    if (nearest.empty()) return;  // another part of PROCCFG; stored as it came
    problems_.Warning(place, absl::StrCat(Quote(child.name), " is not known and has no effect"),
                      absl::StrCat("did you mean ", nearest, "?"));
  }

  void ReadVariable(const Node& node, const Place& place, v1::ProcessVariable& variable) {
    Fields f(Fields::Of::kAttributes, node, place, problems_);
    variable.set_initial_value(f.TextOr("value", f.TextOr("_", "")));
    f.WarnAboutUnknown();
  }

  // Returns the number of errors in its devices.
  int ReadBus(const Node& node, const Place& place, v1::Bus& bus) {
    if (system_tree::IsProcessName(bus.name())) {
      problems_.Error(place, absl::StrCat("/Process/", bus.name(), " belongs to the system"),
                      "give the bus another name");
    }
    Fields f(Fields::Of::kAttributes, node, place, problems_);
    f.Require("protocol", "protocol=\"ModbusTCP\" or protocol=\"Simulated\"");
    bus.set_protocol(
        f.Choice<v1::Bus::Protocol>("protocol", kProtocols, v1::Bus::PROTOCOL_UNSPECIFIED));
    f.WarnAboutUnknown();
    const int own_errors = problems_.errors();
    Names names;
    ReadEach(node, place, names, *bus.mutable_devices(),
             [&](const Node& child, const Place& at, v1::BusDevice& device) {
               return ReadDevice(child, at, bus.protocol(), device);
             });
    return problems_.errors() - own_errors;
  }

  // Returns the number of errors in its points.
  int ReadDevice(const Node& node, const Place& place, v1::Bus::Protocol protocol,
                 v1::BusDevice& device) {
    Fields f(Fields::Of::kAttributes, node, place, problems_);
    if (protocol == v1::Bus::MODBUS_TCP) {
      f.Require("address", "address=\"192.168.0.10:502\", the device's host and port");
    }
    if (const std::string* address = f.Text("address")) {
      absl::StatusOr<HostPort> parsed = ParseHostPort(*address, kModbusPort);
      if (parsed.ok()) {
        device.set_host(parsed->host);
        device.set_port(static_cast<uint32_t>(parsed->port));
      } else {
        f.Error("address",
                absl::StrCat(Quote(*address), " is no address: ", parsed.status().message()),
                "write HOST or HOST:PORT, such as 192.168.0.10:502 or [fe80::1]:502");
      }
    }
    const auto number = [&](absl::string_view name, int64_t min, int64_t max, int64_t fallback) {
      return static_cast<uint32_t>(f.Integer(name, min, max, fallback));
    };
    device.set_unit(number("unit", 0, 255, 1));
    device.set_poll_ms(number("poll", 10, 86'400'000, 1'000));
    device.set_timeout_ms(number("timeout", 10, 60'000, 1'000));
    device.set_retries(number("retries", 0, 10, 1));
    device.set_max_backoff_ms(number("backoffmax", 100, 3'600'000, 60'000));
    device.set_max_registers(number("maxregisters", 1, 125, 125));
    device.set_max_hole(number("maxhole", 0, 124, 8));
    f.WarnAboutUnknown();
    const int own_errors = problems_.errors();
    Names names;
    ReadEach(node, place, names, *device.mutable_points(),
             [&](const Node& child, const Place& at, v1::BusPoint& point) {
               ReadPoint(child, at, protocol, device, point);
               return 0;
             });
    return problems_.errors() - own_errors;
  }

  void ReadPoint(const Node& node, const Place& place, v1::Bus::Protocol protocol,
                 const v1::BusDevice& device, v1::BusPoint& point) {
    if (point.name() == "DeviceState" || point.name() == "ChangeToggle") {
      problems_.Error(place, absl::StrCat("each device has a ", point.name(), " of its own"),
                      "give the point another name");
    }
    Fields f(Fields::Of::kAttributes, node, place, problems_);
    const bool simulated = protocol == v1::Bus::SIMULATED;
    if (!simulated) {
      f.Require("register", "register=\"holding\", input, coil or discrete");
      f.Require("offset", "offset=\"100\", the address counted from 0");
    }
    point.set_register_(
        f.Choice<v1::BusPoint::Register>("register", kRegisters, v1::BusPoint::HOLDING));
    point.set_offset(static_cast<uint32_t>(f.Integer("offset", 0, kAddresses - 1, 0)));
    ReadType(f, simulated, point);
    point.set_byte_order(
        f.Choice<v1::BusPoint::ByteOrder>("byteorder", kByteOrders, v1::BusPoint::ABCD));
    ReadScale(f, point);
    point.set_writable(f.Choice<bool>("access", kAccess, false));
    if (point.writable() &&
        (point.register_() == v1::BusPoint::INPUT || point.register_() == v1::BusPoint::DISCRETE)) {
      f.Error("access", "'rw' is not possible: input registers and discrete inputs are read-only",
              "write access=\"r\", or register=\"holding\" or \"coil\"");
    }
    f.WarnAboutUnknown();
    CheckSize(f, device, point);
  }

  // type, bit and length.
  void ReadType(Fields& f, bool simulated, v1::BusPoint& point) {
    const bool bits = IsBits(point.register_());
    v1::BusPoint::Type fallback = simulated ? v1::BusPoint::FLOAT64 : v1::BusPoint::UINT16;
    if (bits || f.Has("bit")) {
      fallback = v1::BusPoint::BOOL;
    } else if (!simulated) {
      f.Require("type", "type=\"uint16\", float32 or another type");
    }
    point.set_type(f.Choice<v1::BusPoint::Type>("type", kTypes, fallback));
    if (bits && point.type() != v1::BusPoint::BOOL) {
      f.Error("type",
              absl::StrCat(Quote(f.TextOr("type", "")), " does not fit a coil or discrete input"),
              "write type=\"bool\", or leave it out");
    }
    if (f.Has("bit")) {
      point.set_bit(static_cast<uint32_t>(f.Integer("bit", 0, 15, 0)));
      if (bits) {
        f.Error("bit", "a coil or discrete input is a bit by itself", "remove it");
      } else if (point.type() != v1::BusPoint::BOOL) {
        f.Error("bit", "a single bit has the type bool", "write type=\"bool\", or remove the bit");
      }
    }
    if (point.type() == v1::BusPoint::STRING) {
      f.Require("length", "length=\"16\", the string's bytes");
      point.set_length(static_cast<uint32_t>(f.Integer("length", 1, 250, 1)));
    } else if (f.Has("length")) {
      f.Warning("length", "only a string has a length", "remove it");
    }
  }

  void ReadScale(Fields& f, v1::BusPoint& point) {
    point.set_scale(f.Number("scale", 1));
    point.set_value_offset(f.Number("add", 0));
    if (point.scale() == 0) {
      f.Error("scale", absl::StrCat(Quote(f.TextOr("scale", "")), " makes every value the same"),
              "write a number that is not 0");
    }
    if (point.type() != v1::BusPoint::BOOL && point.type() != v1::BusPoint::STRING) return;
    for (const absl::string_view name : {"scale", "add"}) {
      if (f.Has(name)) f.Warning(name, "it has no effect on a bool or string", "remove it");
    }
  }

  void CheckSize(Fields& f, const v1::BusDevice& device, const v1::BusPoint& point) {
    const uint32_t size = SizeOf(point);
    if (point.offset() + size > kAddresses) {
      f.Error("offset",
              absl::StrCat("from '", point.offset(), "' its ", size,
                           " registers go beyond the last address, 65535"),
              absl::StrCat("write an offset of at most ", kAddresses - size));
    }
    if (!IsBits(point.register_()) && size > device.max_registers()) {
      f.Error(f.Has("length") ? "length" : "type",
              absl::StrCat("it takes ", size, " registers, but the device's maxregisters is '",
                           device.max_registers(), "'"),
              "raise maxregisters, or shorten the point");
    }
  }

  Problems& problems_;
  Names bus_names_;
  Names variable_names_;
};

}  // namespace

v1::Acquisition ReadAcquisition(const Node* proccfg, Problems& problems) {
  if (proccfg == nullptr) return {};
  return AcquisitionReader(problems).Read(*proccfg);
}

}  // namespace fieldgate::config_store
