#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace fieldgate::cloud_link {

enum class Qos { kAtMostOnce = 0, kAtLeastOnce = 1, kExactlyOnce = 2 };

// The way of a connection (manual 6).
struct MqttRoute {
  // The Linux network interface that each of its sockets is bound to, those of
  // DNS included; empty: as the system routes it.
  std::string interface;
  std::string name;  // for people: "MODEM"
};

struct MqttOptions {
  std::string url;  // "tcp://host:1883", "ssl://host:8883"
  std::string client_id;
  std::string username;
  std::string password;
  bool clean_session = true;  // false: the broker keeps the session
  absl::Duration keep_alive = absl::Seconds(300);
  // For TLS and the CONNACK, once TCP is connected (5 s).
  absl::Duration connect_timeout = absl::Seconds(15);

  enum class ServerAuth { kNone, kCaBundle, kFile };
  ServerAuth server_auth = ServerAuth::kCaBundle;  // ssl only
  std::string ca_file;                             // for kFile: full path
  std::string alpn;                                // comma separated

  MqttRoute route;
};

struct MqttMessage {
  std::string topic;
  std::string payload;
  Qos qos = Qos::kAtLeastOnce;
  bool retained = false;
};

// Identifies one Publish or Subscribe of one client; never reused.
using MqttToken = uint64_t;

// What happens, in the order it happens. Called on threads of the client's
// own, with locks held that the calls of any client may wait for: a listener
// posts it to its loop and returns, and never waits for the loop.
class MqttListener {
 public:
  virtual ~MqttListener() = default;
  // `session_present`: the broker kept the session of before.
  virtual void OnConnected(bool session_present) = 0;
  // The connect failed, or the connection was lost, also because the interface
  // of its route is gone. Every token not yet reported is void: its message may
  // or may not have arrived. kUnavailable: the broker is not reached, silent, or
  // lost. Any other code: it was reached and turned us away (CONNACK, TLS).
  virtual void OnDisconnected(const absl::Status& why) = 0;
  // Granted QoS; an error when the broker refused (SUBACK 0x80).
  virtual void OnSubscribed(MqttToken token, const absl::Status& status) = 0;
  // Acknowledged by the broker (QoS 0: handed to the socket), or failed and
  // to be published again.
  virtual void OnPublished(MqttToken token, const absl::Status& status) = 0;
  // At most 256 KiB + 1 byte of payload are passed on; of a larger message
  // `payload` is cut there, so that the receiver can refuse it. The broker has
  // its acknowledgement after the return: who must not lose the message stores
  // it before.
  virtual void OnMessage(MqttMessage message) = 0;
};

// One MQTT 3.1.1 connection at a time; does not reconnect by itself.
// Thread-compatible: called by the loop only. No call blocks on the network.
class MqttClient {
 public:
  virtual ~MqttClient() = default;

  // Starts to connect; OnConnected or OnDisconnected follows.
  // A connection that exists is dropped first, without an event.
  //
  // kInvalidArgument: the URL or a file is unusable; no event follows.
  virtual absl::Status Connect(const MqttOptions& options) = 0;

  // Ends the connection, or the attempt. No event follows, and none of the
  // connection's later.
  virtual void Disconnect() = 0;

  // Subscribes to all topics at once; OnSubscribed follows with `token`.
  // kFailedPrecondition: not connected.
  virtual absl::Status Subscribe(MqttToken token, const std::vector<std::string>& topics,
                                 Qos qos) = 0;

  // Publishes; OnPublished follows with `token`. Give the payload away (move):
  // bodies are large. In a kept session QoS 2 goes as QoS 1: the broker may still
  // hold ids of the connection before, and take a new message for one of those.
  //
  // kInvalidArgument:    a topic that MQTT doesn't allow (empty, '+', '#', NUL,
  //                      not UTF-8, over 65,535 bytes).
  // kFailedPrecondition: not connected.
  // kResourceExhausted:  too much in flight; try again after an OnPublished.
  virtual absl::Status Publish(MqttToken token, absl::string_view topic, std::string payload,
                               Qos qos) = 0;
};

}  // namespace fieldgate::cloud_link
