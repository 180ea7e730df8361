#include "services/config_store/validation/routing.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/config_store/validation/databases.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;

struct Choice {
  absl::string_view name;
  absl::string_view example;  // a Linux interface of this kind
};
constexpr Choice kChoices[] = {{"Ethernet", "eth0"}, {"MODEM", "wwan0"}, {"VPN", "tun0"}};

bool IsEmpty(const Node& node) {
  return node.children.empty() && node.attributes.empty() && node.text.empty();
}

// The child that has content; nullptr if there is none. More than one is an
// error for `twice`, since nobody knows which is meant.
const Node* OnlyChild(const Node& node, absl::string_view name, const Place& place,
                      Problems& problems, bool& twice) {
  const Node* found = nullptr;
  for (const Node& child : node.children) {
    if (!absl::EqualsIgnoreCase(child.name, name) || IsEmpty(child)) continue;
    if (found != nullptr) {
      problems.Error(place.Child(child), absl::StrCat(name, " is given twice"),
                     "remove one of them");
      twice = true;
    }
    found = &child;
  }
  return found;
}

std::string ValueOf(const Node& node) {
  const std::string* const value = node.Find("_");
  return value != nullptr ? *value : node.text;
}

}  // namespace

bool Routes::Apply(v1::Connector& connector) const {
  if (unreadable_) return false;
  const auto found = by_connector_.find(connector.name());
  if (found == by_connector_.end()) return true;
  if (!found->second.has_value()) return false;
  connector.set_route(found->second->name);
  connector.set_interface(found->second->interface);
  return true;
}

Routes ReadRoutes(const Node& isp, const v1::Device& device, Problems& problems) {
  Routes routes;
  Place place = {"/ISP", 0};
  const Node* node = &isp;
  for (const absl::string_view name : {"ISP", "OUT"}) {
    node = OnlyChild(*node, name, place, problems, routes.unreadable_);
    if (node == nullptr) return routes;
    place = place.Child(*node);
  }
  for (const Node& child : node->children) {
    if (!absl::StartsWithIgnoreCase(child.name, "CloudConn")) continue;
    const Place at = place.Child(child);
    std::string connector;
    for (const absl::string_view name : {"CloudConn", "CloudConn2", "CloudConn3"}) {
      if (absl::EqualsIgnoreCase(child.name, name)) connector = std::string(name);
    }
    if (connector.empty()) {
      problems.Warning(at, absl::StrCat(Quote(child.name), " is no connector and has no effect"),
                       "the connectors are CloudConn, CloudConn2 and CloudConn3");
      continue;
    }
    const std::string value = ValueOf(child);
    if (value.empty()) continue;
    if (routes.by_connector_.contains(connector)) {
      problems.Error(at, absl::StrCat(connector, " is given twice"), "remove one of them");
      routes.by_connector_[connector].reset();
      continue;
    }
    std::optional<Routes::Route>& route = routes.by_connector_[connector];
    const auto choice = std::find_if(
        std::begin(kChoices), std::end(kChoices),
        [&value](const Choice& known) { return absl::EqualsIgnoreCase(known.name, value); });
    if (choice == std::end(kChoices)) {
      problems.Error(at, absl::StrCat(Quote(value), " is no way to a broker"),
                     "write Ethernet, MODEM or VPN");
      continue;
    }
    const std::string name(choice->name);
    const auto interface = device.interfaces().find(name);
    if (interface != device.interfaces().end()) {
      route = {name, interface->second};
    } else if (name == "Ethernet") {
      route = {name, ""};  // the active LAN, as the system routes it
    } else {
      problems.Error(at, absl::StrCat("device.json names no interface for ", name),
                     absl::StrCat("write \"interfaces\": {\"", name, "\": \"", choice->example,
                                  "\"} into device.json, with the name that Linux has for it"));
    }
  }
  return routes;
}

}  // namespace fieldgate::config_store
