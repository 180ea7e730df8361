#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/tixml/node.h"
#include "proto/config_store.pb.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// Through which interface each connector connects: service routing (manual 6).
class Routes {
 public:
  // Sets the connector's `route` and `interface`; neither if it has no route.
  // False if its route has an error: then the connector must not connect.
  bool Apply(v1::Connector& connector) const;

 private:
  friend Routes ReadRoutes(const tixml::Node& isp, const v1::Device& device, Problems& problems);

  struct Route {
    std::string name;       // MODEM
    std::string interface;  // wwan0
  };

  std::map<std::string, std::optional<Route>> by_connector_;  // none: an error
  bool unreadable_ = false;                                   // nobody knows whose route it is
};

// Reads ISP/OUT of the ISP database, names in any case: Ethernet, MODEM or VPN
// for CloudConn, CloudConn2 and CloudConn3, where `device` names the Linux
// interface. Entries of other services are only stored.
Routes ReadRoutes(const tixml::Node& isp, const v1::Device& device, Problems& problems);

}  // namespace fieldgate::config_store
