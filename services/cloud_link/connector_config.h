#pragma once

#include <cstdint>
#include <string>

#include "proto/config_store.pb.h"
#include "services/cloud_link/lifecycle/lifecycle.h"
#include "services/cloud_link/mqtt/mqtt_client.h"
#include "services/cloud_link/outbox/outbox.h"

// A connector's configuration as its parts want it. Pure.
namespace fieldgate::cloud_link {

LifecycleConfig LifecycleConfigOf(const config_store::v1::Connector& config,
                                  const config_store::v1::Device& device);

// `ca_file`: where the file that tls.server_cert names is.
MqttOptions MqttOptionsOf(const config_store::v1::Connector& config, const std::string& url,
                          std::string ca_file);

// What the user allows the outbox.
OutboxLimits LimitsOf(const config_store::v1::Connector& config);

// The same data points at the same times.
bool SameSections(const config_store::v1::Connector& a, const config_store::v1::Connector& b);

// Jitter differs between devices and connectors; it need not be secret.
uint32_t JitterSeed(const config_store::v1::Connector& config,
                    const config_store::v1::Device& device);

Qos QosOf(int qos);

}  // namespace fieldgate::cloud_link
