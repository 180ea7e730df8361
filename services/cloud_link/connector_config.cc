#include "services/cloud_link/connector_config.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "services/cloud_link/connector.h"

namespace fieldgate::cloud_link {
namespace {

namespace config = config_store::v1;

// Only of these is the broker told, or the data broker chosen.
config::Connector ConnectionPart(config::Connector c, bool data_broker) {
  // Data and its form.
  c.clear_sections();
  c.clear_log_sections();
  c.clear_controllers();
  c.clear_virtual_devices();
  c.clear_format();
  c.clear_gps_as_lng_attribute();
  c.clear_tixml_braces();
  c.clear_time_zone();
  // Limits, and what is used with each message or try.
  c.clear_qos();
  c.clear_cache();
  c.clear_cache_max_mb();
  c.clear_cache_drop_newest();
  c.clear_cache_mode();
  c.clear_cache_max_age_s();
  c.clear_cache_min_free_mb();
  c.clear_response_timeout_s();
  c.clear_retry_max_s();
  c.clear_broker_fallback_s();
  c.clear_confirm_time_s();
  c.clear_route();
  if (!data_broker) c.clear_broker_redirect_allow();
  c.clear_stored_identity();
  return c;
}

bool UsesDataBroker(const config::Connector& c) {
  return c.gateway_id().empty() && !c.stored_identity().data_broker_url().empty();
}

CacheMode CacheModeOf(const config::Connector& config) {
  switch (config.cache_mode()) {
    case config::DISK_ON_OUTAGE:
      return CacheMode::kDiskOnOutage;
    case config::MEMORY:
      return CacheMode::kMemory;
    default:
      return CacheMode::kDurable;
  }
}

}  // namespace

LifecycleConfig LifecycleConfigOf(const config::Connector& config, const config::Device& device) {
  LifecycleConfig out;
  out.start = config.start();
  out.base_url = config.base_url();
  out.gateway_id = config.gateway_id();
  out.customer_id = config.customer_id();
  if (config.has_stored_identity()) {
    const config::Identity& stored = config.stored_identity();
    out.stored = Identity{
        stored.gateway_id(), stored.customer_id(), stored.data_broker_url(),
        stored.has_data_broker_qos() ? std::optional<int>(stored.data_broker_qos()) : std::nullopt};
  }
  out.serial_number = device.serial_number();
  out.response_timeout = absl::Seconds(config.response_timeout_s());
  out.retry_max = absl::Seconds(config.retry_max_s());
  out.broker_fallback = absl::Seconds(config.broker_fallback_s());
  out.broker_redirect_allow = {config.broker_redirect_allow().begin(),
                               config.broker_redirect_allow().end()};
  return out;
}

OutboxLimits LimitsOf(const config::Connector& config) {
  return {.max_bytes = int64_t{config.cache_max_mb()} << 20,
          .policy = config.cache_drop_newest() ? FullPolicy::kDropNewest : FullPolicy::kDropOldest,
          .mode = CacheModeOf(config)};
}

bool SameSections(const config::Connector& a, const config::Connector& b) {
  config::Connector x, y;
  *x.mutable_sections() = a.sections();
  *x.mutable_log_sections() = a.log_sections();
  *y.mutable_sections() = b.sections();
  *y.mutable_log_sections() = b.log_sections();
  return google::protobuf::util::MessageDifferencer::Equals(x, y);
}

uint32_t JitterSeed(const config::Connector& config, const config::Device& device) {
  uint32_t seed = 2166136261u;  // FNV-1a
  for (const char c : absl::StrCat(device.serial_number(), config.name())) {
    seed = (seed ^ static_cast<unsigned char>(c)) * 16777619u;
  }
  return seed;
}

Qos QosOf(int qos) { return static_cast<Qos>(std::clamp(qos, 0, 2)); }

MqttOptions MqttOptionsOf(const config::Connector& config, const std::string& url,
                          std::string ca_file) {
  MqttOptions options;
  options.url = url;
  options.client_id = config.client_id();
  options.username = config.username();
  options.password = config.password();
  options.clean_session = config.clean_session();
  options.keep_alive = absl::Seconds(config.keep_alive_s());
  switch (config.tls().server_auth()) {
    case config::Tls::NONE:
      options.server_auth = MqttOptions::ServerAuth::kNone;
      break;
    case config::Tls::FILE:
      options.server_auth = MqttOptions::ServerAuth::kFile;
      options.ca_file = std::move(ca_file);
      break;
    default:
      options.server_auth = MqttOptions::ServerAuth::kCaBundle;
  }
  options.alpn = config.tls().alpn();
  options.route = {config.interface(), config.route()};
  return options;
}

bool Connector::SameConnection(const config::Connector& a, const config::Connector& b) {
  const bool data_broker = UsesDataBroker(b);
  return google::protobuf::util::MessageDifferencer::Equals(ConnectionPart(a, data_broker),
                                                            ConnectionPart(b, data_broker));
}

bool Connector::SameDataModel(const config::Connector& a, const config::Connector& b) {
  config::Connector x = a, y = b;
  x.clear_stored_identity();
  y.clear_stored_identity();
  return google::protobuf::util::MessageDifferencer::Equals(x, y);
}

}  // namespace fieldgate::cloud_link
