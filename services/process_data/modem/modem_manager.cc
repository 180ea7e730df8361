#include "services/process_data/modem/modem_manager.h"

#include <dbus/dbus.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status/status.h"
#include "common/time/clock.h"
#include "common/value/value.h"
#include "services/process_data/modem/modem_properties.h"

namespace fieldgate::process_data {
namespace {

constexpr char kService[] = "org.freedesktop.ModemManager1";
constexpr char kServicePath[] = "/org/freedesktop/ModemManager1";
constexpr char kProperties[] = "org.freedesktop.DBus.Properties";
constexpr char kObjectManager[] = "org.freedesktop.DBus.ObjectManager";
constexpr char kSim[] = "org.freedesktop.ModemManager1.Sim";
constexpr char kLocation[] = "org.freedesktop.ModemManager1.Modem.Location";

// Asks polkit, too; the rest does not wait for that.
constexpr absl::Duration kLocationTime = absl::Seconds(1);

// All properties of a modem are some 10 KiB.
constexpr long kMaxMessageBytes = 1 << 20;
constexpr size_t kMaxProperties = 2'000;  // of one object

struct Unref {
  void operator()(DBusMessage* message) const { dbus_message_unref(message); }
};
using Message = std::unique_ptr<DBusMessage, Unref>;

class Error {
 public:
  Error() { dbus_error_init(&error_); }
  ~Error() { dbus_error_free(&error_); }
  Error(const Error&) = delete;
  Error& operator=(const Error&) = delete;

  DBusError* get() { return &error_; }
  absl::Status ToStatus() const {
    const std::string text = error_.message == nullptr ? "" : error_.message;
    const absl::string_view name = error_.name == nullptr ? "" : error_.name;
    const auto is_one_of = [name](std::initializer_list<absl::string_view> names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (is_one_of({DBUS_ERROR_FILE_NOT_FOUND, DBUS_ERROR_NO_SERVER, DBUS_ERROR_BAD_ADDRESS,
                   DBUS_ERROR_NAME_HAS_NO_OWNER, DBUS_ERROR_SERVICE_UNKNOWN})) {
      return absl::NotFoundError(text);
    }
    if (is_one_of({DBUS_ERROR_NO_REPLY, DBUS_ERROR_TIMEOUT, DBUS_ERROR_TIMED_OUT})) {
      return absl::DeadlineExceededError(text);
    }
    if (is_one_of({DBUS_ERROR_ACCESS_DENIED, DBUS_ERROR_AUTH_FAILED})) {
      return absl::PermissionDeniedError(text);
    }
    return absl::UnavailableError(text.empty() ? std::string(name) : text);
  }

 private:
  DBusError error_;
};

std::string BasicText(DBusMessageIter& iter) {
  DBusBasicValue value;
  dbus_message_iter_get_basic(&iter, &value);
  switch (dbus_message_iter_get_arg_type(&iter)) {
    case DBUS_TYPE_STRING:
    case DBUS_TYPE_OBJECT_PATH:
    case DBUS_TYPE_SIGNATURE:
      return value.str;
    case DBUS_TYPE_BOOLEAN:
      return value.bool_val ? "1" : "0";
    case DBUS_TYPE_BYTE:
      return absl::StrCat(value.byt);
    case DBUS_TYPE_INT16:
      return absl::StrCat(value.i16);
    case DBUS_TYPE_UINT16:
      return absl::StrCat(value.u16);
    case DBUS_TYPE_INT32:
      return absl::StrCat(value.i32);
    case DBUS_TYPE_UINT32:
      return absl::StrCat(value.u32);
    case DBUS_TYPE_INT64:
      return absl::StrCat(value.i64);
    case DBUS_TYPE_UINT64:
      return absl::StrCat(value.u64);
    case DBUS_TYPE_DOUBLE:
      return ToText(Value(value.dbl));
    default:
      return "";
  }
}

// Adds the value at `iter` as `name`, and what is in it one level below.
void Flatten(DBusMessageIter& iter, const std::string& name, Properties& out) {
  if (out.size() >= kMaxProperties) return;
  const int type = dbus_message_iter_get_arg_type(&iter);
  if (dbus_type_is_basic(type)) {
    out[name] = BasicText(iter);
    return;
  }
  if (!dbus_type_is_container(type)) return;
  if (type == DBUS_TYPE_ARRAY && dbus_message_iter_get_element_type(&iter) == DBUS_TYPE_BYTE) {
    return;  // raw data: nothing of it is used
  }
  DBusMessageIter item;
  dbus_message_iter_recurse(&iter, &item);
  for (int index = 0; dbus_message_iter_get_arg_type(&item) != DBUS_TYPE_INVALID; ++index) {
    if (type == DBUS_TYPE_VARIANT) {
      Flatten(item, name, out);
    } else if (dbus_message_iter_get_arg_type(&item) == DBUS_TYPE_DICT_ENTRY) {
      DBusMessageIter entry;
      dbus_message_iter_recurse(&item, &entry);
      const std::string key = BasicText(entry);
      dbus_message_iter_next(&entry);
      Flatten(entry, absl::StrCat(name, ".", key), out);
    } else {
      Flatten(item, absl::StrCat(name, ".", index), out);
    }
    dbus_message_iter_next(&item);
  }
}

// Calls `take` with the key and value of each entry of the dictionary at
// `iter`, whose keys are texts.
template <typename Take>
void ForEachEntry(DBusMessageIter& iter, Take take) {
  DBusMessageIter item;
  dbus_message_iter_recurse(&iter, &item);
  for (; dbus_message_iter_get_arg_type(&item) == DBUS_TYPE_DICT_ENTRY;
       dbus_message_iter_next(&item)) {
    DBusMessageIter entry;
    dbus_message_iter_recurse(&item, &entry);
    const std::string key = BasicText(entry);
    dbus_message_iter_next(&entry);
    take(key, entry);
  }
}

std::string ShortName(absl::string_view interface) {
  absl::ConsumePrefix(&interface, absl::StrCat(kService, "."));
  return std::string(interface);
}

absl::Status WrongAnswer(absl::string_view method) {
  return absl::UnavailableError(absl::StrCat("ModemManager: wrong answer to ", method));
}

absl::StatusOr<Objects> ToObjects(DBusMessage* answer) {
  if (!dbus_message_has_signature(answer, "a{oa{sa{sv}}}")) return WrongAnswer("GetManagedObjects");
  Objects objects;
  DBusMessageIter top;
  dbus_message_iter_init(answer, &top);
  ForEachEntry(top, [&objects](const std::string& path, DBusMessageIter& interfaces) {
    Properties& properties = objects[path];
    ForEachEntry(interfaces, [&properties](const std::string& interface, DBusMessageIter& all) {
      Flatten(all, ShortName(interface), properties);
    });
  });
  return objects;
}

}  // namespace

class ModemManager::Connection {
 public:
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& address,
                                                          MonotonicTime deadline) {
    Error error;
    DBusConnection* bus = dbus_connection_open_private(address.c_str(), error.get());
    if (bus == nullptr) return Annotate(error.ToStatus(), "no system bus");
    auto connection = std::unique_ptr<Connection>(new Connection(bus));
    const absl::StatusOr<Message> answer = connection->Call(
        Request(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "Hello"), deadline);
    if (!answer.ok()) return Annotate(answer.status(), "system bus");
    const char* name = nullptr;
    if (!dbus_message_get_args(answer->get(), error.get(), DBUS_TYPE_STRING, &name,
                               DBUS_TYPE_INVALID)) {
      return Annotate(error.ToStatus(), "system bus");
    }
    dbus_bus_set_unique_name(bus, name);
    return connection;
  }

  ~Connection() {
    dbus_connection_close(bus_);
    dbus_connection_unref(bus_);
  }

  static Message Request(const char* service, const char* path, const char* interface,
                         const char* method) {
    Message request(dbus_message_new_method_call(service, path, interface, method));
    // Who has no modem has no ModemManager, or doesn't want it to run.
    if (request != nullptr) dbus_message_set_auto_start(request.get(), FALSE);
    return request;
  }

  // Not dbus_connection_send_with_reply_and_block, which waits without a bound
  // until the request is written.
  absl::StatusOr<Message> Call(Message request, MonotonicTime deadline) {
    dbus_uint32_t serial = 0;
    if (request == nullptr || !dbus_connection_send(bus_, request.get(), &serial)) {
      return absl::UnavailableError("out of memory");
    }
    for (;;) {
      while (Message message{dbus_connection_pop_message(bus_)}) {
        // Others come unasked, such as NameAcquired, or too late.
        if (dbus_message_get_reply_serial(message.get()) != serial) continue;
        Error error;
        if (dbus_set_error_from_message(error.get(), message.get())) return error.ToStatus();
        return message;
      }
      const absl::Duration left = deadline - RealClock().Now();
      if (!is_connected()) return absl::UnavailableError("connection lost");
      if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("no answer");
      dbus_connection_read_write(bus_, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    }
  }

  bool is_connected() const { return dbus_connection_get_is_connected(bus_); }

  bool may_ask_for_cell = true;

 private:
  explicit Connection(DBusConnection* bus) : bus_(bus) {
    dbus_connection_set_exit_on_disconnect(bus_, FALSE);
    dbus_connection_set_max_message_size(bus_, kMaxMessageBytes);
    dbus_connection_set_max_received_size(bus_, 2 * kMaxMessageBytes);
    dbus_connection_set_max_message_unix_fds(bus_, 0);
  }

  DBusConnection* const bus_;
};

std::string SystemBusAddress() {
  const char* address = std::getenv("DBUS_SYSTEM_BUS_ADDRESS");
  return address != nullptr && *address != '\0' ? address
                                                : "unix:path=/var/run/dbus/system_bus_socket";
}

ModemManager::ModemManager(std::string bus_address, absl::Duration timeout)
    : bus_address_(std::move(bus_address)), timeout_(timeout) {}

ModemManager::~ModemManager() = default;

void ModemManager::Rest() { connection_.reset(); }

absl::StatusOr<std::optional<Modem>> ModemManager::Read(const std::string& interface) {
  const bool fresh = connection_ == nullptr;
  absl::StatusOr<std::optional<Modem>> modem = ReadOnce(interface);
  // The bus was started anew since the last time.
  const bool lost = connection_ != nullptr && !connection_->is_connected();
  if (lost) connection_.reset();
  if (lost && !fresh) modem = ReadOnce(interface);
  // An answer that comes late must not be there when the next one is awaited.
  if (!modem.ok()) connection_.reset();
  return modem;
}

absl::StatusOr<std::optional<Modem>> ModemManager::ReadOnce(const std::string& interface) {
  const MonotonicTime deadline = RealClock().Now() + timeout_;
  if (connection_ == nullptr) {
    absl::StatusOr<std::unique_ptr<Connection>> connection =
        Connection::Open(bus_address_, deadline);
    if (!connection.ok()) return connection.status();
    connection_ = *std::move(connection);
  }
  const absl::StatusOr<Message> answer = connection_->Call(
      Connection::Request(kService, kServicePath, kObjectManager, "GetManagedObjects"), deadline);
  if (!answer.ok()) return Annotate(answer.status(), "ModemManager");
  absl::StatusOr<Objects> objects = ToObjects(answer->get());
  if (!objects.ok()) return objects.status();
  const std::string path = ChooseModem(*objects, interface);
  if (path.empty()) return std::nullopt;
  Properties& modem = (*objects)[path];

  // SIMs are no managed objects. "/" is none; without its properties the rest
  // is still true. libdbus aborts on a path that is none.
  Properties sim;
  const std::string sim_path = Find(modem, "Modem.Sim");
  if (sim_path.size() > 1 && dbus_validate_path(sim_path.c_str(), nullptr)) {
    Message request = Connection::Request(kService, sim_path.c_str(), kProperties, "GetAll");
    const char* sim_interface = kSim;
    if (request != nullptr) {
      dbus_message_append_args(request.get(), DBUS_TYPE_STRING, &sim_interface, DBUS_TYPE_INVALID);
    }
    const absl::StatusOr<Message> all = connection_->Call(std::move(request), deadline);
    if (!all.ok() && absl::IsDeadlineExceeded(all.status())) {
      return Annotate(all.status(), "ModemManager");
    }
    DBusMessageIter top;
    if (all.ok() && dbus_message_iter_init(all->get(), &top)) Flatten(top, ShortName(kSim), sim);
  }

  if (connection_->is_connected() && connection_->may_ask_for_cell && MustAskForCell(modem)) {
    const absl::StatusOr<Message> location =
        connection_->Call(Connection::Request(kService, path.c_str(), kLocation, "GetLocation"),
                          RealClock().Now() + kLocationTime);
    DBusMessageIter top;
    if (location.ok() && dbus_message_iter_init(location->get(), &top)) {
      Flatten(top, "Modem.Location.Location", modem);
    }
    // Not to be asked every few seconds for what it refuses.
    connection_->may_ask_for_cell = location.ok();
  }
  return ToModem(modem, sim);
}

}  // namespace fieldgate::process_data
