#include "services/cloud_link/payload/channels.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::Connector;
using config_store::v1::DataPoint;

bool IsGps(const DataPoint& point) { return !point.second_path().empty(); }

void AddPaths(const DataPoint& point, std::vector<std::string>& paths) {
  paths.push_back(point.path());
  if (IsGps(point)) paths.push_back(point.second_path());
}

void AddPartners(const DataPoint& point, std::vector<uint32_t>& partner) {
  const auto channel = static_cast<uint32_t>(partner.size());
  partner.push_back(IsGps(point) ? channel + 1 : channel);
  if (IsGps(point)) partner.push_back(channel);
}

ChannelPlan::Section SectionOf(int number, size_t first, size_t end) {
  return {number, static_cast<uint32_t>(first), static_cast<uint32_t>(end - first)};
}

}  // namespace

std::vector<const DataPoint*> PointsOf(const Connector& connector) {
  std::vector<const DataPoint*> points;
  for (const auto& section : connector.sections()) {
    for (const DataPoint& point : section.points()) points.push_back(&point);
  }
  for (const auto& section : connector.log_sections()) {
    for (const DataPoint& point : section.points()) points.push_back(&point);
  }
  return points;
}

ChannelPlan ChannelPlan::Of(const Connector& connector) {
  ChannelPlan plan;
  for (const auto& section : connector.sections()) {
    const size_t first = plan.paths.size();
    for (const DataPoint& point : section.points()) {
      AddPaths(point, plan.paths);
      AddPartners(point, plan.partner);
      plan.origins.resize(plan.paths.size(), IsGps(point) ? DataPoint::OTHER : point.origin());
      plan.hysteresis.resize(plan.paths.size(), point.hysteresis());
    }
    plan.sections.push_back(SectionOf(section.number(), first, plan.paths.size()));
  }
  for (const auto& section : connector.log_sections()) {
    const size_t first = plan.partner.size();
    for (const DataPoint& point : section.points()) {
      AddPaths(point, plan.log_paths);
      AddPartners(point, plan.partner);
    }
    plan.log_sections.push_back(SectionOf(section.number(), first, plan.partner.size()));
  }
  return plan;
}

}  // namespace fieldgate::cloud_link
