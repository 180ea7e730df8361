#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "services/process_data/modem/modem.h"

namespace fieldgate::process_data {

// The properties of an object of ModemManager as texts, by interface and name
// without "org.freedesktop.ModemManager1.": "Modem.State" is "11". What is
// in containers has a level more, by key or index: "Modem.SignalQuality.0",
// "Modem.Signal.Lte.rssi", "Modem.Ports.2.0".
using Properties = std::map<std::string, std::string>;

// By path: "/org/freedesktop/ModemManager1/Modem/0".
using Objects = std::map<std::string, Properties>;

// The property `name`; "" without it.
std::string Find(const Properties& properties, absl::string_view name);

// The path of the modem with the network port `interface`, otherwise of the
// one with the lowest number; "" when none of the objects is a modem. Pure.
std::string ChooseModem(const Objects& objects, absl::string_view interface);

// ModemManager knows the cell that it is in, but tells it only to who asks for
// it with GetLocation. Pure.
bool MustAskForCell(const Properties& modem);

// What the properties of a modem and those of its SIM, as far as it has one,
// say. Pure.
Modem ToModem(const Properties& modem, const Properties& sim);

}  // namespace fieldgate::process_data
