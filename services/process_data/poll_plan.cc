#include "services/process_data/poll_plan.h"

#include <algorithm>
#include <tuple>

namespace fieldgate::process_data {
namespace {

struct TableLimits {
  uint32_t count;
  uint32_t hole;
};

TableLimits LimitsOf(RegisterTable table, const PollLimits& limits) {
  const uint32_t registers = std::clamp(limits.max_registers, 1u, kMaxRegistersOfProtocol);
  const uint32_t hole = std::min(limits.max_hole, kMaxRegistersOfProtocol - 1);
  if (!IsBitTable(table)) return {registers, hole};
  return {std::min(registers * 16, kMaxBitsOfProtocol), hole * 16};
}

}  // namespace

PollPlan PlanPoll(absl::Span<const PointRange> points, const PollLimits& limits) {
  std::vector<uint32_t> order;
  order.reserve(points.size());
  for (uint32_t i = 0; i < points.size(); ++i) {
    if (points[i].count > 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&points](uint32_t a, uint32_t b) {
    return std::tie(points[a].first.table, points[a].first.offset) <
           std::tie(points[b].first.table, points[b].first.offset);
  });

  PollPlan plan;
  for (const uint32_t index : order) {
    const PointRange& point = points[index];
    const TableLimits table = LimitsOf(point.first.table, limits);
    PollPlan::Block* block = plan.blocks.empty() ? nullptr : &plan.blocks.back();
    if (block != nullptr && block->first.table == point.first.table) {
      const uint32_t start = block->first.offset;
      const uint32_t end = start + block->count;
      const uint32_t point_end = uint32_t{point.first.offset} + point.count;
      const uint32_t merged = std::max(end, point_end) - start;
      if (point.first.offset <= end + table.hole &&
          merged <= std::max(table.count, uint32_t{block->count})) {
        block->count = static_cast<uint16_t>(merged);
        block->items.push_back({index, static_cast<uint16_t>(point.first.offset - start)});
        continue;
      }
    }
    plan.blocks.push_back({point.first, point.count, {{index, 0}}});
  }
  return plan;
}

}  // namespace fieldgate::process_data
