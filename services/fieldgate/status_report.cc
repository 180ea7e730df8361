#include "services/fieldgate/status_report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/fieldgate/terminal_text.h"

namespace fieldgate::commands {
namespace {

namespace json = boost::json;
using cloud_link::v1::ConnectorStatus;
using cloud_link::v1::EventStatus;
using cloud_link::v1::Loss;
using Device = process_data::v1::GetDeviceStatusResponse::Device;

// "wait_rollout_result"
std::string StateName(const ConnectorStatus& connector) {
  return absl::AsciiStrToLower(cloud_link::v1::LifecycleState_Name(connector.state()));
}

// Unix seconds.
std::string TimeAndAge(int64_t seconds, absl::Time now) {
  if (seconds == 0) return "never";
  const absl::Time at = absl::FromUnixSeconds(seconds);
  return absl::StrCat(IsoTime(at), " (", ShortAge(now - at), " ago)");
}

std::string SecondsText(int64_t seconds) { return IsoTime(absl::FromUnixSeconds(seconds)); }

std::string RangeText(const std::string& first, const std::string& last, const char* between) {
  return first == last ? first : absl::StrCat(first, between, last);
}

// "80 messages, ids 1041 to 1120, 2023-11-14T22:13:20.000Z to ..., full: oldest
// dropped; the portal was told"
std::string LossText(const Loss& loss) {
  std::string text = loss.count() == 0   ? "no message"
                     : loss.count() == 1 ? "1 message"
                                         : absl::StrCat(loss.count(), " messages");
  if (loss.first_message_id() != 0) {
    absl::StrAppend(&text, loss.first_message_id() == loss.last_message_id() ? ", id " : ", ids ",
                    RangeText(absl::StrCat(loss.first_message_id()),
                              absl::StrCat(loss.last_message_id()), " to "));
  }
  if (loss.first_timestamp() != 0) {
    absl::StrAppend(
        &text, ", ",
        RangeText(SecondsText(loss.first_timestamp()), SecondsText(loss.last_timestamp()), " to "));
  } else if (loss.last_timestamp() != 0) {
    absl::StrAppend(&text, ", until ", SecondsText(loss.last_timestamp()));
  }
  absl::StrAppend(&text, ", ", Printable(loss.reason()),
                  loss.reported() ? "; the portal was told" : "; the portal is not told yet");
  return text;
}

std::vector<std::string> LossRow(const Loss& loss) {
  return {absl::StrCat("  loss ", loss.number()), LossText(loss)};
}

// Empty: all is well.
std::string DiskText(const ConnectorStatus& c) {
  std::string text;
  if (!c.disk_error().empty()) {
    text = absl::StrCat("nothing can be stored: ", Printable(c.disk_error()), "; ",
                        c.messages_in_memory(), " messages wait in memory");
  }
  if (c.disk_low()) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", "low: stored data don't grow beyond ",
                    c.bytes_limit(), " bytes");
  }
  return text;
}

void AppendConnectors(const GatewayStatus& status, absl::Time now, std::string& out) {
  if (!status.cloud_link.has_value()) return;
  if (status.cloud_link->connectors().empty()) {
    out += "\nNo connector is configured.\n";
    return;
  }
  for (const ConnectorStatus& c : status.cloud_link->connectors()) {
    absl::StrAppend(&out, "\nConnector ", c.name(), "\n");
    std::vector<std::vector<std::string>> rows = {
        {"  state",
         absl::StrCat(StateName(c), c.detail().empty() ? "" : ": ", Printable(c.detail()))},
        {"  broker",
         absl::StrCat(Printable(c.connection_type()), ", ", Printable(c.connection_state_msg()))},
        {"  last send", TimeAndAge(c.last_send_at(), now)},
        {"  waiting",
         absl::StrCat(c.messages_waiting(), " messages, ", c.bytes_waiting(), " bytes")},
        {"  since start", absl::StrCat(c.messages_acknowledged(), " acknowledged, ",
                                       c.messages_dropped(), " dropped, ", c.reconnects(),
                                       " reconnects, ", c.inbound_ignored(), " incoming ignored")},
    };
    if (!c.route().empty()) {
      rows.insert(rows.begin() + 2, std::vector<std::string>{"  route", Printable(c.route())});
    }
    if (!c.broker_version().empty()) {
      rows.push_back({"  portal version", Printable(c.broker_version())});
    }
    for (const ConnectorStatus::LogPosition& log : c.logs()) {
      rows.push_back({absl::StrCat("  log ", Printable(log.log())),
                      log.sent_id() == 0 ? "no record taken yet"
                                         : absl::StrCat("taken up to record ", log.sent_id())});
    }
    if (const std::string disk = DiskText(c); !disk.empty()) rows.push_back({"  disk", disk});
    for (const Loss& loss : c.losses()) rows.push_back(LossRow(loss));
    out += Columns(rows);
  }
}

void AppendEvents(const GatewayStatus& status, absl::Time now, std::string& out) {
  if (!status.cloud_link.has_value() || status.cloud_link->events().empty()) return;
  std::vector<std::vector<std::string>> rows = {{"Event", "Active", "Executions", "Last", "Error"}};
  for (const EventStatus& event : status.cloud_link->events()) {
    rows.push_back({Printable(event.name()), event.active() ? "yes" : "no",
                    absl::StrCat(event.executions()), TimeAndAge(event.last_at(), now),
                    Printable(event.error())});
  }
  absl::StrAppend(&out, "\n", Columns(rows));
}

void AppendRecoveries(const GatewayStatus& status, absl::Time now, std::string& out) {
  if (status.recoveries.empty()) return;
  out += "\nDamaged databases\n";
  for (const service::v1::Recovery& r : status.recoveries) {
    std::vector<std::vector<std::string>> rows = {
        {"  file", absl::StrCat(Printable(r.file()), ", ", TimeAndAge(r.at(), now))},
        {"  damage", Printable(r.why())},
        {"  put aside",
         r.put_aside().empty() ? "nothing: it was missing" : Printable(r.put_aside())},
        {"  rows", absl::StrCat(r.rows_saved(), " saved, ", r.rows_lost(), " known to be lost")},
    };
    if (!r.effect().empty()) rows.push_back({"  effect", Printable(r.effect())});
    out += Columns(rows);
  }
}

std::string DeviceState(const Device& device, absl::Time now) {
  if (device.ok()) return "ok";
  return absl::StrCat(
      device.error().empty() ? "failed" : Printable(device.error()), ", ",
      device.last_ok_at_us() == 0
          ? "never answered"
          : absl::StrCat("answered ", ShortAge(now - absl::FromUnixMicros(device.last_ok_at_us())),
                         " ago"));
}

void AppendDevices(const GatewayStatus& status, absl::Time now, std::string& out) {
  if (!status.process_data.has_value()) return;
  absl::StrAppend(&out, "\nMode ", Printable(status.process_data->mode()), "\n");
  if (status.process_data->devices().empty()) return;
  std::vector<std::vector<std::string>> rows = {{"Device", "Polls", "Failed", "Missed", "State"}};
  for (const Device& device : status.process_data->devices()) {
    rows.push_back({device.path(), absl::StrCat(device.polls()),
                    absl::StrCat(device.failed_polls()), absl::StrCat(device.missed_cycles()),
                    DeviceState(device, now)});
  }
  absl::StrAppend(&out, "\n", Columns(rows));
}

json::value TimeOrNull(int64_t count, absl::Time at) {
  return count == 0 ? json::value(nullptr) : json::value(IsoTime(at));
}

json::value SecondsOrNull(int64_t seconds) {
  return TimeOrNull(seconds, absl::FromUnixSeconds(seconds));
}

json::value NumberOrNull(int64_t number) {
  return number == 0 ? json::value(nullptr) : json::value(number);
}

json::object ToJson(const Loss& loss) {
  return {{"number", loss.number()},
          {"count", loss.count()},
          {"first_message_id", NumberOrNull(loss.first_message_id())},
          {"last_message_id", NumberOrNull(loss.last_message_id())},
          {"first_time", SecondsOrNull(loss.first_timestamp())},
          {"last_time", SecondsOrNull(loss.last_timestamp())},
          {"reason", loss.reason()},
          {"reported", loss.reported()}};
}

json::object ToJson(const ServiceHealth& service) {
  return {{"name", service.name},
          {"up", service.up},
          {"pid", service.pid == 0 ? json::value(nullptr) : json::value(service.pid)},
          {"error", service.error}};
}

json::object ToJson(const ConnectorStatus& c) {
  json::array logs;
  for (const ConnectorStatus::LogPosition& log : c.logs()) {
    logs.push_back({{"log", log.log()}, {"sent_id", log.sent_id()}});
  }
  json::array losses;
  for (const Loss& loss : c.losses()) losses.push_back(ToJson(loss));
  return {{"name", c.name()},
          {"state", StateName(c)},
          {"detail", c.detail()},
          {"broker", c.connection_type()},
          {"connection", c.connection_state_msg()},
          {"route", c.route()},
          {"broker_version", c.broker_version()},
          {"last_send", TimeOrNull(c.last_send_at(), absl::FromUnixSeconds(c.last_send_at()))},
          {"messages_waiting", c.messages_waiting()},
          {"bytes_waiting", c.bytes_waiting()},
          {"messages_acknowledged", c.messages_acknowledged()},
          {"messages_dropped", c.messages_dropped()},
          {"inbound_ignored", c.inbound_ignored()},
          {"reconnects", c.reconnects()},
          {"next_message_id", c.next_message_id()},
          {"logs", std::move(logs)},
          {"data_bytes", c.data_bytes()},
          {"bytes_limit", c.bytes_limit()},
          {"messages_in_memory", c.messages_in_memory()},
          {"disk_low", c.disk_low()},
          {"disk_error", c.disk_error()},
          {"losses", std::move(losses)},
          {"on_probation", c.on_probation()}};
}

json::object ToJson(const EventStatus& event) {
  return {{"name", event.name()},
          {"active", event.active()},
          {"executions", event.executions()},
          {"last", TimeOrNull(event.last_at(), absl::FromUnixSeconds(event.last_at()))},
          {"error", event.error()}};
}

json::object ToJson(const Device& device) {
  return {{"path", device.path()},
          {"ok", device.ok()},
          {"error", device.error()},
          {"polls", device.polls()},
          {"failed_polls", device.failed_polls()},
          {"missed_cycles", device.missed_cycles()},
          {"last_ok",
           TimeOrNull(device.last_ok_at_us(), absl::FromUnixMicros(device.last_ok_at_us()))}};
}

json::object ToJson(const service::v1::Recovery& r) {
  return {{"file", r.file()},
          {"put_aside", r.put_aside()},
          {"at", TimeOrNull(r.at(), absl::FromUnixSeconds(r.at()))},
          {"why", r.why()},
          {"rows_saved", r.rows_saved()},
          {"rows_lost", r.rows_lost()},
          {"effect", r.effect()}};
}

template <typename List>
json::array ToArray(const List& list) {
  json::array array;
  for (const auto& item : list) array.push_back(ToJson(item));
  return array;
}

}  // namespace

bool AllUp(const GatewayStatus& status) {
  return std::all_of(status.services.begin(), status.services.end(),
                     [](const ServiceHealth& service) { return service.up; }) &&
         status.cloud_link.has_value() && status.process_data.has_value();
}

std::string StatusText(const GatewayStatus& status, absl::Time now) {
  std::vector<std::vector<std::string>> rows;
  for (const ServiceHealth& service : status.services) {
    rows.push_back({service.name, service.up ? "up" : "down",
                    service.pid == 0 ? "" : absl::StrCat("pid ", service.pid),
                    service.up ? "" : Printable(service.error)});
  }
  std::string out = Columns(rows);
  AppendConnectors(status, now, out);
  AppendEvents(status, now, out);
  AppendDevices(status, now, out);
  AppendRecoveries(status, now, out);
  return out;
}

std::string StatusJson(const GatewayStatus& status) {
  json::object root = {{"services", ToArray(status.services)},
                       {"mode", nullptr},
                       {"connectors", nullptr},
                       {"events", nullptr},
                       {"devices", nullptr},
                       {"recoveries", ToArray(status.recoveries)}};
  if (status.cloud_link.has_value()) {
    root["connectors"] = ToArray(status.cloud_link->connectors());
    root["events"] = ToArray(status.cloud_link->events());
  }
  if (status.process_data.has_value()) {
    root["mode"] = status.process_data->mode();
    root["devices"] = ToArray(status.process_data->devices());
  }
  return json::serialize(root);
}

std::string LossesText(const std::vector<ConnectorLosses>& connectors) {
  std::string out;
  for (const ConnectorLosses& connector : connectors) {
    absl::StrAppend(&out, out.empty() ? "" : "\n", "Connector ", Printable(connector.connector),
                    "\n");
    std::vector<std::vector<std::string>> rows;
    for (const Loss& loss : connector.losses) {
      rows.push_back({absl::StrCat("  loss ", loss.number()), LossText(loss)});
    }
    out += rows.empty() ? "  no losses\n" : Columns(rows);
  }
  return out.empty() ? "No connector is configured.\n" : out;
}

std::string LossesJson(const std::vector<ConnectorLosses>& connectors) {
  json::array all;
  for (const ConnectorLosses& connector : connectors) {
    all.push_back({{"connector", connector.connector}, {"losses", ToArray(connector.losses)}});
  }
  return json::serialize(all);
}

}  // namespace fieldgate::commands
