#include "tests/bench/points.h"

#include "absl/strings/str_cat.h"

namespace fieldgate::bench {

config_store::v1::Connector MakeConnector(config_store::v1::PayloadFormat format) {
  config_store::v1::Connector connector;
  connector.set_name("CloudConn");
  connector.set_qos(1);
  connector.set_format(format);
  connector.set_tixml_braces(true);
  config_store::v1::RealtimeSection& section = *connector.add_sections();
  section.set_number(1);
  section.set_send_period_ms(1000);
  for (uint32_t i = 0; i < kPoints; ++i) {
    config_store::v1::DataPoint& point = *section.add_points();
    point.set_name(absl::StrCat("DP", i));
    point.set_path(absl::StrCat("/Process/Bus1/Device1/DP", i));
    point.set_origin(config_store::v1::DataPoint::BUS);
    config_store::v1::DataPoint::Metadata& type = *point.add_metadata();
    type.set_name("type");
    type.set_value("temperature");
  }
  return connector;
}

std::vector<cloud_link::Sample> MakeSamples(uint64_t seed) {
  std::vector<cloud_link::Sample> samples(kPoints);
  for (uint64_t i = 0; i < kPoints; ++i) {
    // Knuth's multiplicative hash: any 16 bit value, each equally often.
    const uint64_t raw = ((seed + i) * 2654435761u >> 8) & 0xffff;
    if (i % 2 == 0) {
      samples[i].value = raw;
    } else {
      samples[i].value = static_cast<double>(raw) / 10;
    }
    samples[i].state = 1;
    samples[i].sampled_at_us = 1'700'000'000'000'000;
  }
  return samples;
}

}  // namespace fieldgate::bench
