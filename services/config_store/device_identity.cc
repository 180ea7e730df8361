#include "services/config_store/device_identity.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/cli/options.h"
#include "common/log/log.h"

namespace fieldgate::config_store {
namespace {

namespace json = boost::json;

using Strings = std::vector<std::string>;

// What service routing (manual 6) and the system tree (manual 5) know.
const char* const kInterfaces[] = {"Ethernet", "Ethernet2", "WLAN", "MODEM", "VPN"};
constexpr size_t kMaxInterfaceName = 15;  // IFNAMSIZ - 1
const char* const kLicense[] = {"HW_Rev",   "Oem",       "OName",     "PClass",
                                "ProdName", "LicenseID", "ProductID", "UDID"};

// All modules are in one text (Components) of a message on a metered line.
constexpr size_t kMaxModules = 100;
constexpr size_t kMaxText = 200;

// A level of a path. In JSON a leading '-' would make an attribute of it.
bool IsModuleName(const std::string& name) {
  return !name.empty() && name.size() <= 64 && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ||
                  c == '.';
         });
}

bool IsPlainText(const std::string& text) {
  return text.size() <= kMaxText && std::none_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_iscntrl(static_cast<unsigned char>(c));
         });
}

class IdentityReader {
 public:
  IdentityReader(const std::string& file, std::vector<std::string>& warnings)
      : file_(file), warnings_(warnings) {}

  absl::StatusOr<v1::Device> Read(absl::string_view text) {
    boost::system::error_code error;
    const json::value value = json::parse({text.data(), text.size()}, error);
    if (error) return Wrong(absl::StrCat("no valid JSON: ", error.message()));
    const json::object* const object = value.if_object();
    if (object == nullptr) return Wrong("write one JSON object: {\"serial_number\": ...}");
    for (const auto& member : *object) {
      const absl::Status status = ReadMember(std::string(member.key()), member.value());
      if (!status.ok()) return status;
    }
    for (const auto& [key, given] : {std::pair("serial_number", !device_.serial_number().empty()),
                                     std::pair("product_name", !device_.product_name().empty())}) {
      if (!given) return Wrong(absl::StrCat(key, " is missing"));
    }
    return device_;
  }

 private:
  absl::Status Wrong(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(file_, ": ", what));
  }

  absl::Status ReadMember(const std::string& key, const json::value& value) {
    if (key == "interfaces") return ReadInterfaces(value);
    if (key == "modules") return ReadModules(value);
    if (key == "license") return ReadLicense(value);
    if (key == "signal_led") return ReadSignalLed(value);
    static const Strings& known =
        *new Strings{"serial_number", "product_name", "hardware_id", "interfaces",   "signal_led",
                     "modules",       "license",      "uboot",       "firmware_date"};
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      Warn(key, known);
      return absl::OkStatus();
    }
    const json::string* const string = value.if_string();
    if (string == nullptr) return Wrong(absl::StrCat(key, " is not a text: write it in quotes"));
    const std::string text(string->data(), string->size());
    if (key == "serial_number") {
      if (text.size() != 8 || !std::all_of(text.begin(), text.end(), [](char c) {
            return absl::ascii_isdigit(static_cast<unsigned char>(c));
          })) {
        return Wrong(
            absl::StrCat(key, " '", text, "' is wrong: write 8 digits, such as \"01234567\""));
      }
      device_.set_serial_number(text);
    } else if (key == "product_name") {
      if (text.empty() || text.size() > 64 || !std::all_of(text.begin(), text.end(), [](char c) {
            return absl::ascii_isprint(static_cast<unsigned char>(c));
          })) {
        return Wrong(absl::StrCat(key, " '", text, "' is wrong: write 1 to 64 ASCII characters"));
      }
      device_.set_product_name(text);
    } else if (!IsPlainText(text)) {
      return WrongText(key);
    } else if (key == "hardware_id") {
      device_.set_hardware_id(text);
    } else if (key == "uboot") {
      device_.set_uboot(text);
    } else {
      device_.set_firmware_date(text);
    }
    return absl::OkStatus();
  }

  absl::Status WrongText(absl::string_view key) const {
    return Wrong(absl::StrCat(key, " is wrong: write a text of at most ", kMaxText,
                              " bytes in one line, in quotes"));
  }

  // A text is the one LED that there is, whatever its colour.
  absl::Status ReadSignalLed(const json::value& value) {
    v1::SignalLed& led = *device_.mutable_signal_led();
    const json::object* const object = value.if_object();
    if (object == nullptr) return ReadLed("signal_led", value, *led.mutable_green());
    for (const auto& member : *object) {
      const std::string key = absl::StrCat("signal_led.", std::string(member.key()));
      absl::Status status;
      if (member.key() == "red") {
        status = ReadLed(key, member.value(), *led.mutable_red());
      } else if (member.key() == "green") {
        status = ReadLed(key, member.value(), *led.mutable_green());
      } else {
        Warn(key, {"red", "green"});
      }
      if (!status.ok()) return status;
    }
    if (led.red().empty() && led.green().empty()) {
      return Wrong("signal_led names no LED: write {\"red\": \"...\", \"green\": \"...\"}");
    }
    if (led.red() == led.green()) {
      return Wrong(absl::StrCat("signal_led: red and green are both ", led.red(),
                                ": write the name alone, without {}, if there is one LED only"));
    }
    return absl::OkStatus();
  }

  absl::Status ReadLed(const std::string& key, const json::value& value, std::string& folder) {
    const json::string* const string = value.if_string();
    const std::string text = string == nullptr ? "" : std::string(string->data(), string->size());
    const bool absolute = !text.empty() && text[0] == '/';
    if (text.empty() || text == "." || text == ".." || !IsPlainText(text) ||
        (!absolute && text.find('/') != std::string::npos)) {
      return Wrong(absl::StrCat(key, " '", text,
                                "' is no LED: write its name in /sys/class/leds in quotes, or the "
                                "whole path of a folder like those"));
    }
    folder = absolute ? text : absl::StrCat("/sys/class/leds/", text);
    return absl::OkStatus();
  }

  absl::Status ReadModules(const json::value& value) {
    const json::object* const object = value.if_object();
    if (object == nullptr || object->size() > kMaxModules) {
      return Wrong(absl::StrCat("modules is no object of at most ", kMaxModules,
                                " modules: write {\"C218\": \"S1-AA2\"}"));
    }
    for (const auto& member : *object) {
      const std::string key(member.key());
      if (!IsModuleName(key)) {
        return Wrong(absl::StrCat("modules.", key,
                                  " is no name of a module: write letters, digits, _ - and ."));
      }
      const json::string* const string = member.value().if_string();
      v1::Device::Module& module = *device_.add_modules();
      module.set_name(key);
      if (string != nullptr) module.set_value(string->data(), string->size());
      if (string == nullptr || !IsPlainText(module.value())) {
        return WrongText(absl::StrCat("modules.", key));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadLicense(const json::value& value) {
    const json::object* const object = value.if_object();
    if (object == nullptr) {
      return Wrong("license is no object: write {\"HW_Rev\": \"V31\"}");
    }
    const Strings known(std::begin(kLicense), std::end(kLicense));
    for (const auto& member : *object) {
      const std::string key(member.key());
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        Warn(absl::StrCat("license.", key), known);
        continue;
      }
      const json::string* const string = member.value().if_string();
      const std::string text = string == nullptr ? "" : std::string(string->data(), string->size());
      if (string == nullptr || !IsPlainText(text)) return WrongText(absl::StrCat("license.", key));
      (*device_.mutable_license())[key] = text;
    }
    return absl::OkStatus();
  }

  absl::Status ReadInterfaces(const json::value& value) {
    const json::object* const object = value.if_object();
    if (object == nullptr) {
      return Wrong("interfaces is no object: write {\"Ethernet\": \"eth0\"}");
    }
    const std::vector<std::string> known(std::begin(kInterfaces), std::end(kInterfaces));
    for (const auto& member : *object) {
      const std::string key(member.key());
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        Warn(absl::StrCat("interfaces.", key), known);
        continue;
      }
      const json::string* const string = member.value().if_string();
      if (string == nullptr || string->empty() || string->size() > kMaxInterfaceName ||
          string->find('/') != json::string::npos || string->find(' ') != json::string::npos) {
        return Wrong(absl::StrCat("interfaces.", key,
                                  " is no network interface: write its name in quotes, such as "
                                  "\"eth0\""));
      }
      (*device_.mutable_interfaces())[key] = std::string(string->data(), string->size());
    }
    return absl::OkStatus();
  }

  void Warn(const std::string& key, const std::vector<std::string>& known) {
    const std::string nearest = cli::Nearest(key.substr(key.rfind('.') + 1), known);
    warnings_.push_back(absl::StrCat(file_, ": ", key, " is not known and has no effect",
                                     nearest.empty() ? "" : "; did you mean ", nearest,
                                     nearest.empty() ? "" : "?"));
  }

  const std::string& file_;
  std::vector<std::string>& warnings_;
  v1::Device device_;
};

}  // namespace

absl::StatusOr<v1::Device> ParseDeviceIdentity(absl::string_view json, const std::string& file,
                                               std::vector<std::string>& warnings) {
  return IdentityReader(file, warnings).Read(json);
}

absl::StatusOr<v1::Device> ReadDeviceIdentity(const std::string& file) {
  std::ifstream stream(file);
  std::stringstream text;
  if (stream) text << stream.rdbuf();
  if (!stream || !text) {
    return absl::NotFoundError(
        absl::StrCat("can't read the device identity ", file, ": ", std::strerror(errno)));
  }
  std::vector<std::string> warnings;
  absl::StatusOr<v1::Device> device = ParseDeviceIdentity(text.str(), file, warnings);
  for (const std::string& warning : warnings) log::Warning(warning);
  return device;
}

}  // namespace fieldgate::config_store
