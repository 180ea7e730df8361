#include "services/config_store/validation/connector.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/cli/options.h"
#include "common/tixml/codec.h"
#include "services/config_store/validation/data_points.h"
#include "services/config_store/validation/databases.h"
#include "services/config_store/validation/fields.h"
#include "services/config_store/validation/formats.h"
#include "services/config_store/validation/log_sections.h"
#include "services/config_store/validation/realtime.h"
#include "services/config_store/validation/routing.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;
using Logs = google::protobuf::RepeatedPtrField<v1::Log>;

constexpr absl::string_view kConnectorType = "FPIL_Tixi_MQTT_1";
constexpr int64_t kYear = 365 * 86'400;

constexpr std::pair<absl::string_view, v1::PayloadFormat> kFormats[] = {
    {"TiXML", v1::TIXML}, {"XML", v1::XML}, {"JSON", v1::JSON}};
constexpr std::pair<absl::string_view, bool> kCachePolicies[] = {{"drop_oldest", false},
                                                                 {"drop_newest", true}};
constexpr std::pair<absl::string_view, v1::CacheMode> kCacheModes[] = {
    {"durable", v1::DURABLE}, {"disk_on_outage", v1::DISK_ON_OUTAGE}, {"memory", v1::MEMORY}};
constexpr std::pair<absl::string_view, bool> kGpsPayloads[] = {{"lng", true}};
constexpr std::pair<absl::string_view, bool> kClientAuthModes[] = {{"hsm", true}, {"file", false}};
enum class ServerAuth { kNone, kCaBundle, kFile, kHsm };
constexpr std::pair<absl::string_view, ServerAuth> kServerAuths[] = {
    {"none", ServerAuth::kNone},
    {"cabundle", ServerAuth::kCaBundle},
    {"file", ServerAuth::kFile},
    {"hsm", ServerAuth::kHsm}};

bool IsVisibleAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

void ReadBroker(Fields& f, v1::Connector& c) {
  f.Require("CloudBaseUrl", "<CloudBaseUrl _=\"ssl://HOST:8883\"/> or tcp://HOST:1883");
  if (const std::string* url = f.Text("CloudBaseUrl")) {
    absl::StatusOr<std::string> normal = NormalizeBrokerUrl(*url);
    if (normal.ok()) {
      c.set_base_url(*std::move(normal));
    } else {
      f.Error("CloudBaseUrl",
              absl::StrCat(Quote(*url), " is no URL of a broker: ", normal.status().message()),
              "write tcp://HOST:1883, or ssl://HOST:8883 for TLS");
    }
  }
  f.Require("CloudConnStart", "<CloudConnStart _=\"1\"/>, or 0 to leave it off");
  c.set_start(f.Flag("CloudConnStart", false));
  f.Require("CloudConnType", absl::StrCat("<CloudConnType _=\"", kConnectorType, "\"/>"));
  const std::string* const type = f.Text("CloudConnType");
  if (type != nullptr && *type != kConnectorType) {
    f.Error("CloudConnType", absl::StrCat(Quote(*type), " is no known type of connector"),
            absl::StrCat("write ", kConnectorType));
  }
  c.set_username(f.TextOr("username", ""));
  c.set_password(f.TextOr("password", ""));
  if (!c.password().empty() && c.username().empty()) {
    f.Error("password", "MQTT has no password without a user name", "write username, too");
  }
}

void ReadIds(Fields& f, v1::Connector& c) {
  for (const absl::string_view name : {"gateway_id", "customer_id"}) {
    const std::string* const id = f.Text(name);
    if (id == nullptr || IsTopicId(*id)) continue;
    f.Error(name, absl::StrCat(Quote(*id), " can't be part of a topic"),
            "write 1 to 64 of the characters A-Z a-z 0-9 _ . : -");
  }
  c.set_gateway_id(f.TextOr("gateway_id", ""));
  c.set_customer_id(f.TextOr("customer_id", ""));
  if (c.gateway_id().empty() != c.customer_id().empty()) {
    const bool gateway = !c.gateway_id().empty();
    f.Error(gateway ? "gateway_id" : "customer_id",
            absl::StrCat(gateway ? "gateway_id" : "customer_id", " is given without ",
                         gateway ? "customer_id" : "gateway_id"),
            "write both, or neither to get them by rollout");
  }
}

void ReadTls(Fields& f, v1::Tls& tls) {
  f.Choice<bool>("TLS_Client_authmode", kClientAuthModes, false);
  for (const absl::string_view name :
       {"TLS_Client_authmode", "TLS_Client_key", "TLS_Client_cert"}) {
    if (!f.Has(name)) continue;
    f.Warning(name, absl::StrCat(name, " is kept, but client certificates are not used yet"),
              "let the gateway log in by username and password");
  }

  const ServerAuth auth =
      f.Choice<ServerAuth>("TLS_Server_authmode", kServerAuths, ServerAuth::kCaBundle);
  if (auth == ServerAuth::kHsm) {
    f.Error("TLS_Server_authmode", "'hsm' is not supported yet", "write cabundle or file");
  }
  tls.set_server_auth(auth == ServerAuth::kNone   ? v1::Tls::NONE
                      : auth == ServerAuth::kFile ? v1::Tls::FILE
                                                  : v1::Tls::CA_BUNDLE);
  const std::string* const cert = f.Text("TLS_Server_cert");
  if (auth == ServerAuth::kFile) f.Require("TLS_Server_cert", "the name of a file in certs/");
  if (cert != nullptr) {
    if (absl::StrContains(*cert, '/') || *cert == "." || *cert == "..") {
      f.Error("TLS_Server_cert", absl::StrCat(Quote(*cert), " is no plain file name"),
              "write the name of a file in certs/, without a path");
    } else if (auth != ServerAuth::kFile) {
      f.Warning("TLS_Server_cert", "it has no effect without TLS_Server_authmode file",
                "write <TLS_Server_authmode _=\"file\"/>, or remove it");
    }
    tls.set_server_cert(*cert);
  }

  if (const std::string* alpn = f.Text("TLS_ALPN")) {
    for (const absl::string_view protocol : absl::StrSplit(*alpn, ',')) {
      if (!protocol.empty() && protocol.size() <= 255 && IsVisibleAscii(protocol)) continue;
      f.Error("TLS_ALPN", absl::StrCat(Quote(*alpn), " is no list of protocols"),
              "write names separated by commas, such as x-amzn-mqtt-ca");
      break;
    }
    tls.set_alpn(*alpn);
  }
}

// 0, or long enough for a connector to come back.
void ReadConfirmTime(Fields& f, v1::Connector& c) {
  constexpr int64_t kShortest = 10;
  const int64_t seconds = f.Integer("ConfirmTime", 0, 86'400, 300);
  if (seconds > 0 && seconds < kShortest) {
    f.Error("ConfirmTime", absl::StrCat(Quote(*f.Text("ConfirmTime")), " is out of range"),
            absl::StrCat("write a number from ", kShortest, " to 86400, or 0 for no probation"));
  }
  c.set_confirm_time_s(static_cast<uint32_t>(seconds));
}

void ReadCache(Fields& f, v1::Connector& c) {
  constexpr int64_t kMax = 100'000;
  // Of the memory of a small device, shared by three connectors; small messages
  // take up to twice as much as they count.
  constexpr int64_t kMaxInMemory = 64;
  c.set_cache(f.Flag("MQTTCache", true));
  c.set_cache_mode(f.Choice<v1::CacheMode>("MQTTCacheMode", kCacheModes, v1::DURABLE));
  const bool memory = c.cache_mode() == v1::MEMORY;
  const int64_t megabytes = f.Integer("MQTTCacheMaxMB", 1, kMax, memory ? 16 : 64);
  if (memory && megabytes > kMaxInMemory) {
    f.Error("MQTTCacheMaxMB", absl::StrCat(megabytes, " MB are too much for MQTTCacheMode memory"),
            absl::StrCat("write a number from 1 to ", kMaxInMemory,
                         ", or <MQTTCacheMode _=\"disk_on_outage\"/>"));
  }
  c.set_cache_max_mb(static_cast<uint32_t>(megabytes));
  c.set_cache_drop_newest(f.Choice<bool>("MQTTCachePolicy", kCachePolicies, false));
  c.set_cache_max_age_s(static_cast<uint32_t>(f.Age("MQTTCacheMaxAge", 0)));
  c.set_cache_min_free_mb(static_cast<uint32_t>(f.Integer("MQTTCacheMinFreeMB", 0, kMax, 16)));
}

void ReadMqtt(Fields& f, const v1::Device& device, absl::string_view suffix, v1::Connector& c) {
  c.set_qos(static_cast<int32_t>(f.Integer("QoS", 0, 2, 1)));
  c.set_keep_alive_s(static_cast<uint32_t>(f.Integer("MQTTKeepAlive", 0, 65'535, 300)));
  c.set_client_id(f.TextOr(
      "MQTTClientId", absl::StrCat(device.product_name(), "_", device.serial_number(), suffix)));
  if (c.client_id().size() > 128 || (f.Has("MQTTClientId") && !IsVisibleAscii(c.client_id()))) {
    f.Error("MQTTClientId", absl::StrCat(Quote(c.client_id()), " is no client id"),
            "write at most 128 ASCII characters without spaces");
  }
  c.set_clean_session(f.Flag("MQTTCleanSession", true));
  ReadCache(f, c);
  c.set_response_timeout_s(static_cast<uint32_t>(f.Integer("ResponseTimeout", 1, 3'600, 60)));
  c.set_retry_max_s(static_cast<uint32_t>(f.Integer("RetryMaxTime", 1, 86'400, 900)));
  c.set_broker_fallback_s(static_cast<uint32_t>(f.Integer("BrokerFallbackTime", 1, kYear, 86'400)));
  ReadConfirmTime(f, c);
  for (absl::string_view part :
       absl::StrSplit(f.TextOr("BrokerRedirectAllow", ""), ',', absl::SkipWhitespace())) {
    part = absl::StripAsciiWhitespace(part);
    if (absl::StrContains(part, ':') || !IsPathLevel(part)) {
      f.Error("BrokerRedirectAllow", absl::StrCat(Quote(part), " is no end of a host name"),
              "write suffixes separated by commas, such as .juconn.io,.example.com");
    }
    c.add_broker_redirect_allow(std::string(part));
  }
}

void ReadPayload(Fields& f, v1::Connector& c) {
  c.set_format(f.Choice<v1::PayloadFormat>("CloudConnDataFormat", kFormats, v1::TIXML));
  c.set_tixml_braces(f.Flag("TiXMLBraces", true));
  c.set_gps_as_lng_attribute(f.Choice<bool>("GpsPayload", kGpsPayloads, false));
  c.set_virtual_devices(f.Flag("virtual_devices", false));
  c.set_time_zone(f.TextOr("TimeZone", ""));
  absl::TimeZone zone;
  if (!c.time_zone().empty() &&
      (!IsTimeZoneName(c.time_zone()) || !absl::LoadTimeZone(c.time_zone(), &zone))) {
    f.Error("TimeZone", absl::StrCat(Quote(c.time_zone()), " is no known time zone"),
            "write an IANA name such as Europe/Berlin");
  }
}

// After the sections: it warns about controllers that have no data point.
void ReadControllers(Fields& f, v1::Connector& c, Problems& problems) {
  const Node* const element = f.Element("Controllers");
  if (element == nullptr) return;
  absl::btree_set<std::string> known;
  const auto note = [&known](const auto& sections) {
    for (const auto& section : sections) {
      for (const v1::DataPoint& point : section.points()) {
        known.insert(tixml::ToXmlName(ControllerOf(point.path(), !point.second_path().empty())));
      }
    }
  };
  note(c.sections());
  note(c.log_sections());
  const std::vector<std::string> candidates(known.begin(), known.end());
  absl::flat_hash_set<std::string> seen;
  for (const Node& child : element->children) {
    const Place place = f.At("Controllers").Child(child);
    Fields attributes(Fields::Of::kAttributes, child, place, problems);
    v1::ControllerMetadata& controller = *c.add_controllers();
    controller.set_name(child.name);
    if (attributes.Has("timeout")) {
      controller.set_timeout_s(static_cast<uint32_t>(attributes.Integer("timeout", 1, kYear, 1)));
    }
    controller.set_custom_fields(attributes.TextOr("custom_fields", ""));
    if (!IsCustomFields(controller.custom_fields())) {
      attributes.Error("custom_fields",
                       absl::StrCat(Quote(controller.custom_fields()), " is no list of fields"),
                       "write key=value;key=value");
    }
    attributes.WarnAboutUnknown();
    if (!seen.insert(child.name).second) {
      problems.Error(place, absl::StrCat("the controller ", child.name, " is given twice"),
                     "remove one of them");
    }
    if (!known.contains(child.name) && !problems.full()) {
      const std::string nearest = cli::Nearest(child.name, candidates);
      problems.Warning(place, absl::StrCat("no data point belongs to a controller ", child.name),
                       nearest.empty() ? "write a data point's path without the last level, with "
                                         "'_' for '/', such as Process_Bus1_Device1"
                                       : absl::StrCat("did you mean ", nearest, "?"));
    }
  }
}

v1::Connector ReadConnector(const Node& element, const Place& place, const v1::Device& device,
                            const Origins& origins, const Logs& logs, Problems& problems,
                            Problems& unknown_paths, Problems& log_problems) {
  Fields f(Fields::Of::kChildren, element, place, problems);
  v1::Connector c;
  c.set_name(element.name);
  const absl::string_view number = absl::string_view(c.name()).substr(9);  // behind CloudConn
  ReadBroker(f, c);
  ReadIds(f, c);
  ReadTls(f, *c.mutable_tls());
  ReadMqtt(f, device, number.empty() ? "" : absl::StrCat("_", number), c);
  ReadPayload(f, c);
  Sensors sensors;
  ReadRealtimeSections(f, origins, c, sensors, problems, unknown_paths);
  ReadLogSections(f, logs, c, sensors, problems, log_problems);
  ReadControllers(f, c, problems);
  f.WarnAboutUnknown();
  return c;
}

// Two connections of one client id throw each other out, for ever.
void CheckClientId(const v1::Connector& connector, const std::vector<v1::Connector>& others,
                   const Place& place, Problems& problems) {
  for (const v1::Connector& other : others) {
    if (other.client_id() != connector.client_id() || other.base_url() != connector.base_url()) {
      continue;
    }
    problems.Error(
        place,
        absl::StrCat(connector.name(), " and ", other.name(), " log in to ", connector.base_url(),
                     " with the same client id ", Quote(connector.client_id())),
        "give them different MQTTClientId, or leave it out");
  }
}

}  // namespace

std::vector<v1::Connector> ReadConnectors(const Node* isp, const v1::Device& device,
                                          const Origins& origins, const Logs& logs,
                                          Problems& problems, Problems& unknown_paths,
                                          Problems& log_problems) {
  std::vector<v1::Connector> connectors;
  if (isp == nullptr) return connectors;
  const Place root = {"/ISP", 0};
  const Routes routes = ReadRoutes(*isp, device, problems);
  for (const absl::string_view name : {"CloudConn", "CloudConn2", "CloudConn3"}) {
    const Node* const element = isp->Child(name);
    if (element == nullptr || (element->children.empty() && element->attributes.empty())) continue;
    const Place place = root.Child(*element);
    Problems found;
    Problems found_in_logs;
    v1::Connector connector =
        ReadConnector(*element, place, device, origins, logs, found, unknown_paths, found_in_logs);
    CheckClientId(connector, connectors, place, found);
    problems.Append(found);
    log_problems.Append(found_in_logs);
    // Without its route it would connect by another way, which may be an open one.
    if (!routes.Apply(connector)) continue;
    if (found.errors() + found_in_logs.errors() == 0) connectors.push_back(std::move(connector));
  }
  absl::flat_hash_set<std::string> seen;
  for (const Node& child : isp->children) {
    if (!absl::StartsWithIgnoreCase(child.name, "CloudConn")) continue;
    if (!IsConnectorName(child.name)) {
      problems.Warning(root.Child(child),
                       absl::StrCat(Quote(child.name), " is no connector and has no effect"),
                       "the connectors are CloudConn, CloudConn2 and CloudConn3");
    } else if (!seen.insert(child.name).second) {
      problems.Error(root.Child(child), absl::StrCat(child.name, " is given twice"),
                     "remove one of them");
    }
  }
  return connectors;
}

}  // namespace fieldgate::config_store
