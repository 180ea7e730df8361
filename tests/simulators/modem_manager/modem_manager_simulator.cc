#include "tests/simulators/modem_manager/modem_manager_simulator.h"

#include <dbus/dbus.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace fieldgate {
namespace {

constexpr char kService[] = "org.freedesktop.ModemManager1";
constexpr char kRoot[] = "/org/freedesktop/ModemManager1";
constexpr uint32_t kNetPort = 2;
constexpr uint32_t kCellSource = 1;
// How soon the thread sees that it shall end.
constexpr int kLoopMs = 10;

std::string Interface(const std::string& name) { return absl::StrCat(kService, ".", name); }
std::string SimPath(int number) { return absl::StrCat(kRoot, "/SIM/", number); }

// A container that is closed at the end of its scope.
class Container {
 public:
  Container(DBusMessageIter& parent, int type, const char* signature = nullptr) : parent_(parent) {
    dbus_message_iter_open_container(&parent_, type, signature, &iter_);
  }
  ~Container() { dbus_message_iter_close_container(&parent_, &iter_); }
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;
  DBusMessageIter& iter() { return iter_; }

 private:
  DBusMessageIter& parent_;
  DBusMessageIter iter_;
};

void Append(DBusMessageIter& iter, int type, const void* value) {
  dbus_message_iter_append_basic(&iter, type, value);
}
void AppendText(DBusMessageIter& iter, const std::string& text, int type = DBUS_TYPE_STRING) {
  const char* chars = text.c_str();
  Append(iter, type, &chars);
}

// {name: variant} into the a{sv} at `iter`; `fill` appends the value.
template <typename Fill>
void AppendProperty(DBusMessageIter& iter, const std::string& name, const char* signature,
                    Fill fill) {
  Container entry(iter, DBUS_TYPE_DICT_ENTRY);
  AppendText(entry.iter(), name);
  Container variant(entry.iter(), DBUS_TYPE_VARIANT, signature);
  fill(variant.iter());
}
void AppendProperty(DBusMessageIter& iter, const std::string& name, const std::string& text) {
  AppendProperty(iter, name, "s", [&](DBusMessageIter& i) { AppendText(i, text); });
}
void AppendProperty(DBusMessageIter& iter, const std::string& name, uint32_t number) {
  AppendProperty(iter, name, "u",
                 [&](DBusMessageIter& i) { Append(i, DBUS_TYPE_UINT32, &number); });
}

// {interface: properties} into the a{sa{sv}} at `iter`.
template <typename Fill>
void AppendInterface(DBusMessageIter& iter, const std::string& name, Fill fill) {
  Container entry(iter, DBUS_TYPE_DICT_ENTRY);
  AppendText(entry.iter(), Interface(name));
  Container properties(entry.iter(), DBUS_TYPE_ARRAY, "{sv}");
  fill(properties.iter());
}

// The a{uv} that has the cell.
void AppendLocation(DBusMessageIter& iter, const std::string& location) {
  Container all(iter, DBUS_TYPE_ARRAY, "{uv}");
  if (location.empty()) return;
  Container entry(all.iter(), DBUS_TYPE_DICT_ENTRY);
  Append(entry.iter(), DBUS_TYPE_UINT32, &kCellSource);
  Container variant(entry.iter(), DBUS_TYPE_VARIANT, "s");
  AppendText(variant.iter(), location);
}

void AppendModemInterface(DBusMessageIter& iter, const SimulatedModem& modem) {
  AppendInterface(iter, "Modem", [&](DBusMessageIter& p) {
    AppendProperty(p, "State", "i",
                   [&](DBusMessageIter& i) { Append(i, DBUS_TYPE_INT32, &modem.state); });
    AppendProperty(p, "StateFailedReason", modem.failed_reason);
    AppendProperty(p, "UnlockRequired", modem.unlock_required);
    AppendProperty(p, "Model", modem.model);
    AppendProperty(p, "Revision", modem.revision);
    AppendProperty(p, "EquipmentIdentifier", modem.imei);
    AppendProperty(p, "AccessTechnologies", modem.access_technologies);
    AppendProperty(p, "Sim", "o", [&](DBusMessageIter& i) {
      AppendText(i, modem.sim.has_value() ? SimPath(modem.number) : "/", DBUS_TYPE_OBJECT_PATH);
    });
    AppendProperty(p, "SignalQuality", "(ub)", [&](DBusMessageIter& i) {
      Container pair(i, DBUS_TYPE_STRUCT);
      const dbus_bool_t recent = modem.quality_is_recent;
      Append(pair.iter(), DBUS_TYPE_UINT32, &modem.quality);
      Append(pair.iter(), DBUS_TYPE_BOOLEAN, &recent);
    });
    AppendProperty(p, "Ports", "a(su)", [&](DBusMessageIter& i) {
      Container ports(i, DBUS_TYPE_ARRAY, "(su)");
      for (const std::string& port : modem.net_ports) {
        Container pair(ports.iter(), DBUS_TYPE_STRUCT);
        AppendText(pair.iter(), port);
        Append(pair.iter(), DBUS_TYPE_UINT32, &kNetPort);
      }
    });
  });
}

void AppendModem(DBusMessageIter& iter, const SimulatedModem& modem) {
  Container object(iter, DBUS_TYPE_DICT_ENTRY);
  AppendText(object.iter(), absl::StrCat(kRoot, "/Modem/", modem.number), DBUS_TYPE_OBJECT_PATH);
  Container interfaces(object.iter(), DBUS_TYPE_ARRAY, "{sa{sv}}");
  AppendModemInterface(interfaces.iter(), modem);
  if (modem.network.has_value()) {
    AppendInterface(interfaces.iter(), "Modem.Modem3gpp", [&](DBusMessageIter& p) {
      AppendProperty(p, "Imei", modem.imei);
      AppendProperty(p, "RegistrationState", modem.network->registration_state);
      AppendProperty(p, "OperatorCode", modem.network->operator_code);
      AppendProperty(p, "OperatorName", modem.network->operator_name);
    });
    AppendInterface(interfaces.iter(), "Modem.Location", [&](DBusMessageIter& p) {
      AppendProperty(p, "Enabled", modem.location.empty() ? 0 : kCellSource);
      AppendProperty(p, "Location", "a{uv}", [&](DBusMessageIter& i) {
        AppendLocation(i, modem.location_is_shown ? modem.location : "");
      });
    });
  }
  AppendInterface(interfaces.iter(), "Modem.Signal", [&](DBusMessageIter& p) {
    AppendProperty(p, "Lte", "a{sv}", [&](DBusMessageIter& i) {
      Container lte(i, DBUS_TYPE_ARRAY, "{sv}");
      if (!modem.lte_rssi.has_value()) return;
      AppendProperty(lte.iter(), "rssi", "d",
                     [&](DBusMessageIter& d) { Append(d, DBUS_TYPE_DOUBLE, &*modem.lte_rssi); });
    });
  });
}

}  // namespace

struct ModemManagerSimulator::Impl {
  DBusConnection* bus = nullptr;
  std::thread thread;
  std::atomic<bool> stopping = false;
  mutable std::mutex mutex;
  std::vector<SimulatedModem> modems;
  Mood mood = Mood::kWell;
  std::map<std::string, int> calls;
  std::set<std::string> clients;

  ~Impl() {
    stopping = true;
    if (thread.joinable()) thread.join();
    if (bus == nullptr) return;
    dbus_connection_close(bus);
    dbus_connection_unref(bus);
  }

  void Run() {
    while (!stopping && dbus_connection_read_write(bus, kLoopMs)) {
      while (DBusMessage* message = dbus_connection_pop_message(bus)) {
        if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_METHOD_CALL) Handle(message);
        dbus_message_unref(message);
      }
    }
  }

  void Handle(DBusMessage* request) {
    std::lock_guard lock(mutex);
    ++calls[dbus_message_get_member(request)];
    clients.insert(dbus_message_get_sender(request));
    if (mood == Mood::kSilent) return;
    DBusMessage* answer = mood == Mood::kWell ? Answer(request) : nullptr;
    if (mood == Mood::kWithNonsense) {
      answer = dbus_message_new_method_return(request);
      DBusMessageIter iter;
      dbus_message_iter_init_append(answer, &iter);
      AppendText(iter, "nonsense");
    }
    if (answer == nullptr) {
      answer = dbus_message_new_error(request, DBUS_ERROR_FAILED, "not in the mood");
    }
    dbus_connection_send(bus, answer, nullptr);
    dbus_connection_flush(bus);
    dbus_message_unref(answer);
  }

  // Null: an error.
  DBusMessage* Answer(DBusMessage* request) {
    DBusMessage* answer = dbus_message_new_method_return(request);
    DBusMessageIter iter;
    dbus_message_iter_init_append(answer, &iter);
    if (dbus_message_is_method_call(request, "org.freedesktop.DBus.ObjectManager",
                                    "GetManagedObjects")) {
      Container objects(iter, DBUS_TYPE_ARRAY, "{oa{sa{sv}}}");
      for (const SimulatedModem& modem : modems) AppendModem(objects.iter(), modem);
      return answer;
    }
    const std::string path = dbus_message_get_path(request);
    for (const SimulatedModem& modem : modems) {
      if (dbus_message_has_member(request, "GetAll") && path == SimPath(modem.number) &&
          modem.sim.has_value()) {
        Container properties(iter, DBUS_TYPE_ARRAY, "{sv}");
        AppendProperty(properties.iter(), "SimIdentifier", modem.sim->id);
        AppendProperty(properties.iter(), "Imsi", modem.sim->imsi);
        return answer;
      }
      if (dbus_message_has_member(request, "GetLocation") &&
          path == absl::StrCat(kRoot, "/Modem/", modem.number)) {
        if (modem.location_is_refused) {
          dbus_message_unref(answer);
          return dbus_message_new_error(request,
                                        "org.freedesktop.ModemManager1.Error.Core.Unauthorized",
                                        "PolicyKit authorization failed");
        }
        AppendLocation(iter, modem.location);
        return answer;
      }
    }
    dbus_message_unref(answer);
    return nullptr;
  }
};

absl::StatusOr<std::unique_ptr<ModemManagerSimulator>> ModemManagerSimulator::Start(
    const std::string& address) {
  auto impl = std::make_unique<Impl>();
  DBusError error;
  dbus_error_init(&error);
  impl->bus = dbus_connection_open_private(address.c_str(), &error);
  const auto failed = [&error](absl::string_view what) {
    const absl::Status status = absl::UnavailableError(
        absl::StrCat(what, ": ", error.message == nullptr ? "taken" : error.message));
    dbus_error_free(&error);
    return status;
  };
  if (impl->bus == nullptr) return failed("no bus");
  dbus_connection_set_exit_on_disconnect(impl->bus, FALSE);
  if (!dbus_bus_register(impl->bus, &error)) return failed("no bus");
  if (dbus_bus_request_name(impl->bus, kService, DBUS_NAME_FLAG_DO_NOT_QUEUE, &error) !=
      DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER) {
    return failed(kService);
  }
  impl->thread = std::thread([i = impl.get()] { i->Run(); });
  return std::unique_ptr<ModemManagerSimulator>(new ModemManagerSimulator(std::move(impl)));
}

ModemManagerSimulator::ModemManagerSimulator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ModemManagerSimulator::~ModemManagerSimulator() = default;

void ModemManagerSimulator::Show(std::vector<SimulatedModem> modems) {
  std::lock_guard lock(impl_->mutex);
  impl_->modems = std::move(modems);
}

void ModemManagerSimulator::SetMood(Mood mood) {
  std::lock_guard lock(impl_->mutex);
  impl_->mood = mood;
}

int ModemManagerSimulator::calls(const std::string& method) const {
  std::lock_guard lock(impl_->mutex);
  const auto it = impl_->calls.find(method);
  return it == impl_->calls.end() ? 0 : it->second;
}

size_t ModemManagerSimulator::clients() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->clients.size();
}

}  // namespace fieldgate
