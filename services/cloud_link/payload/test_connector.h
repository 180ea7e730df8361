#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "proto/config_store.pb.h"
#include "services/cloud_link/payload/channels.h"

// Connectors and samples for tests, in few words.
namespace fieldgate::cloud_link {

using config_store::v1::Connector;
using config_store::v1::DataPoint;
using config_store::v1::PayloadFormat;

inline constexpr int64_t kMessageId = 112;
inline constexpr int64_t kTimestamp = 1498724247;

inline Connector ConnectorWith(PayloadFormat format) {
  Connector connector;
  connector.set_name("CloudConn");
  connector.set_format(format);
  connector.set_tixml_braces(true);
  connector.add_sections()->set_number(1);
  return connector;
}

using Metadata = std::vector<std::pair<std::string, std::string>>;

template <class Section>
DataPoint& AddPointTo(Section& section, const std::string& name, const std::string& path,
                      const Metadata& metadata = {{"type", "temperature"}}) {
  DataPoint& point = *section.add_points();
  point.set_name(name);
  point.set_path(path);
  point.set_origin(DataPoint::BUS);
  for (const auto& [key, value] : metadata) {
    DataPoint::Metadata& entry = *point.add_metadata();
    entry.set_name(key);
    entry.set_value(value);
  }
  return point;
}

// Adds a data point to the last realtime section.
inline DataPoint& AddPoint(Connector& connector, const std::string& name, const std::string& path,
                           const Metadata& metadata = {{"type", "temperature"}}) {
  return AddPointTo(*connector.mutable_sections()->rbegin(), name, path, metadata);
}

// _="latitude" lng="longitude"
inline DataPoint& AddGps(Connector& connector, const std::string& name, const std::string& latitude,
                         const std::string& longitude) {
  DataPoint& point = AddPoint(connector, name, latitude, {{"type", "gps"}});
  point.set_second_path(longitude);
  point.set_second_is_longitude(true);
  return point;
}

inline Sample Of(Value value, uint8_t state = 1) { return {std::move(value), state, 1}; }
inline Sample OfText(const std::string& text, uint8_t state = 1) { return Of(Value(text), state); }

}  // namespace fieldgate::cloud_link
