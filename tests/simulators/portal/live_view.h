#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/simulators/portal/portal.h"

// What a person sees of a running portal. Pure.
namespace fieldgate::portal {

// One line: "12:00:03 data: 12 messages, newest 12, age 0.4 s, 0 redeliveries, 0 errors".
std::string SummaryLine(const PortalStats& stats, absl::Time now);

// The newest values as a table, at most `rows` lines of at most `columns`
// characters, each ending in '\n'.
std::string Table(const PortalStats& stats, int rows, int columns);

// At the end: numbers and, a line each, why it is not complete.
std::string FinalSummary(const PortalStats& stats, const std::vector<std::string>& reasons);

// Empty if every gateway's data is complete (WhyIncomplete) and nothing else
// was wrong; no data at all is a reason.
std::vector<std::string> WhyNotPassed(const PortalStats& stats, int64_t min_messages);

}  // namespace fieldgate::portal
