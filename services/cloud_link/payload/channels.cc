#include "services/cloud_link/payload/channels.h"

namespace fieldgate::cloud_link {

ChannelPlan ChannelPlan::Of(const config_store::v1::Connector& connector) {
  using config_store::v1::DataPoint;
  ChannelPlan plan;
  for (const config_store::v1::RealtimeSection& section : connector.sections()) {
    const auto first = static_cast<uint32_t>(plan.paths.size());
    for (const DataPoint& point : section.points()) {
      const auto channel = static_cast<uint32_t>(plan.paths.size());
      const bool gps = !point.second_path().empty();
      plan.paths.push_back(point.path());
      plan.origins.push_back(gps ? DataPoint::OTHER : point.origin());
      plan.hysteresis.push_back(point.hysteresis());
      plan.partner.push_back(gps ? channel + 1 : channel);
      if (!gps) continue;
      plan.paths.push_back(point.second_path());
      plan.origins.push_back(DataPoint::OTHER);
      plan.hysteresis.push_back(point.hysteresis());
      plan.partner.push_back(channel);
    }
    plan.sections.push_back(
        {section.number(), first, static_cast<uint32_t>(plan.paths.size()) - first});
  }
  return plan;
}

}  // namespace fieldgate::cloud_link
