#pragma once

#include <memory>

#include "services/cloud_link/mqtt/mqtt_client.h"

namespace fieldgate::cloud_link {

// MqttClient over Paho. `listener` outlives it. No call waits for the network:
// a thread of its own resolves names, connects and takes old connections down;
// destruction hands the connection to that thread and returns.
//
// Connections are MQTT 3.1.1 only. Nothing is kept or sent again by the client
// itself: that is the outbox's. Once 100 messages or 1 MB of payload are under
// way, Publish gives kResourceExhausted.
//
// ssl://: TLS 1.2 or newer, OpenSSL's security level 2, and unless server_auth
// is kNone the server's certificate must be valid, issued by a trusted
// authority and made out to the host of the URL.
std::unique_ptr<MqttClient> MakePahoMqttClient(MqttListener& listener);

}  // namespace fieldgate::cloud_link
