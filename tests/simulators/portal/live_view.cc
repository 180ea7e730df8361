#include "tests/simulators/portal/live_view.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace fieldgate::portal {
namespace {

int64_t Errors(const StreamStats& stream) {
  return stream.missing + stream.out_of_order + stream.conflicts + stream.unknown_sensors +
         stream.unreadable;
}

// At most `width` characters; never splits a UTF-8 character.
std::string Cut(const std::string& text, size_t width) {
  size_t end = 0;
  for (size_t characters = 0; end < text.size() && characters < width; ++characters) {
    do {
      ++end;
    } while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  }
  return text.substr(0, end);
}

// Cut, and filled with spaces to `width` characters, at least one of them.
std::string Cell(const std::string& text, size_t width) {
  std::string cell = Cut(text, width - 1);
  const auto characters = static_cast<size_t>(std::count_if(cell.begin(), cell.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
  cell.append(width - characters, ' ');
  return cell;
}

std::string StateText(int state) {
  switch (state) {
    case 0:
      return "0 invalid";
    case 1:
      return "1 valid";
    case 2:
      return "2";
    default:
      return "-";
  }
}

}  // namespace

std::string SummaryLine(const PortalStats& stats, absl::Time now) {
  std::string line = absl::FormatTime("%H:%M:%S", now, absl::LocalTimeZone());
  if (stats.streams.empty()) return line + " waiting for a gateway";
  for (const StreamStats& stream : stats.streams) {
    const auto valid = std::count_if(stream.sensors.begin(), stream.sensors.end(),
                                     [](const SensorStats& sensor) { return sensor.state > 0; });
    absl::StrAppend(&line, " ", stream.gateway, ": ", stream.messages, " messages");
    if (stream.messages > 0) {
      absl::StrAppendFormat(&line, ", newest id %d, age %.1f s", stream.last_id,
                            absl::ToDoubleSeconds(stream.newest_age));
    }
    absl::StrAppend(&line, ", ", valid, "/", stream.sensors.size(), " sensors valid, ",
                    stream.redeliveries, " redeliveries, ", Errors(stream), " errors");
  }
  return line;
}

std::string Table(const PortalStats& stats, int rows, int columns) {
  constexpr size_t kController = 26, kSensor = 16, kValue = 26, kState = 10;
  std::vector<std::string> lines;
  for (const StreamStats& stream : stats.streams) {
    lines.push_back(absl::StrCat(
        "gateway ", stream.gateway, ": ", stream.messages, " messages, ids ", stream.first_id, "..",
        stream.last_id, ", ", stream.redeliveries, " redeliveries, ", Errors(stream), " errors"));
    lines.push_back(Cell("controller", kController) + Cell("sensor", kSensor) +
                    Cell("value", kValue) + Cell("state", kState) + "received");
    for (const SensorStats& sensor : stream.sensors) {
      const std::string unit = sensor.announced.unit.empty() ? "" : " " + sensor.announced.unit;
      lines.push_back(Cell(sensor.announced.controller, kController) +
                      Cell(sensor.announced.sensor, kSensor) + Cell(sensor.value + unit, kValue) +
                      Cell(StateText(sensor.state), kState) + absl::StrCat(sensor.received));
    }
  }
  std::string out;
  const size_t shown = std::min(lines.size(), static_cast<size_t>(std::max(rows, 1)));
  for (size_t i = 0; i < shown; ++i) {
    const bool more = i + 1 == shown && shown < lines.size();
    out += more ? absl::StrCat("... ", lines.size() - i, " more lines")
                : Cut(lines[i], static_cast<size_t>(std::max(columns, 1)));
    out += '\n';
  }
  return out;
}

std::string FinalSummary(const PortalStats& stats, const std::vector<std::string>& reasons) {
  std::string out = absl::StrCat("summary: ", stats.rollout_requests, " rollout requests, ",
                                 stats.init_requests, " init requests\n");
  for (const StreamStats& stream : stats.streams) {
    absl::StrAppend(&out, stream.gateway, ": ", stream.messages, " messages, ids ", stream.first_id,
                    "..", stream.last_id, "; ", stream.missing, " missing, ", stream.out_of_order,
                    " out of order, ", stream.conflicts, " conflicts, ", stream.redeliveries,
                    " redeliveries, ", stream.unknown_sensors, " unknown sensors, ",
                    stream.unreadable, " unreadable\n");
    if (stream.messages > 0) {
      absl::StrAppendFormat(&out, "%s: highest age of a message %.1f s\n", stream.gateway,
                            absl::ToDoubleSeconds(stream.highest_age));
    }
    for (const std::string& error : stream.errors) absl::StrAppend(&out, "error: ", error, "\n");
  }
  if (reasons.empty()) return out + "passed: the data arrived complete\n";
  for (const std::string& reason : reasons) absl::StrAppend(&out, "not passed: ", reason, "\n");
  return out;
}

std::vector<std::string> WhyNotPassed(const PortalStats& stats, int64_t min_messages) {
  std::vector<std::string> reasons = stats.errors;
  if (stats.streams.empty()) reasons.push_back("no gateway came");
  for (const StreamStats& stream : stats.streams) {
    for (const std::string& reason : WhyIncomplete(stream, min_messages)) {
      reasons.push_back(absl::StrCat(stream.gateway, ": ", reason));
    }
  }
  return reasons;
}

}  // namespace fieldgate::portal
