#include "tests/bench/table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace fieldgate::bench {
namespace {

constexpr size_t kColumns = 6;
using Cells = std::array<std::string, kColumns>;

std::string FormatTarget(const Row& row) {
  if (row.target.of == Target::Of::kNothing) return "";
  return absl::StrCat(
      row.target.side == Target::Side::kAtMost ? "<= " : ">= ", FormatNumber(row.target.value),
      row.target.of == Target::Of::kRatio ? "x" : absl::StrCat(" ", row.unit));
}

Cells CellsOf(const Row& row) {
  const std::optional<double> ratio = row.Ratio();
  const std::optional<bool> met = row.Met();
  return {row.figure,
          absl::StrCat(FormatNumber(row.ours), " ", row.unit),
          row.baseline ? absl::StrCat(FormatNumber(*row.baseline), " ", row.unit) : "-",
          ratio ? absl::StrCat(FormatNumber(*ratio), "x") : "-",
          FormatTarget(row),
          !met ? "" : (*met ? "ok" : "MISSED")};
}

}  // namespace

std::optional<double> Row::Ratio() const {
  if (!baseline || *baseline == 0) return std::nullopt;
  return ours / *baseline;
}

std::optional<bool> Row::Met() const {
  if (target.of == Target::Of::kNothing) return std::nullopt;
  const std::optional<double> value = target.of == Target::Of::kOurs ? ours : Ratio();
  // NaN and a ratio that can't be had count as missed.
  if (!value) return false;
  return target.side == Target::Side::kAtMost ? *value <= target.value : *value >= target.value;
}

std::string FormatNumber(double number) {
  if (!std::isfinite(number)) return "?";
  if (number == 0) return "0";
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(number))));
  return absl::StrFormat("%.*f", std::clamp(2 - magnitude, 0, 9), number);
}

std::string FormatTable(const std::vector<Row>& rows) {
  std::vector<Cells> lines = {{"figure", "ours", "raw baseline", "ratio", "target", "result"}};
  for (const Row& row : rows) lines.push_back(CellsOf(row));

  std::array<size_t, kColumns> widths{};
  for (const Cells& cells : lines) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string text;
  for (size_t line = 0; line < lines.size(); ++line) {
    for (size_t i = 0; i < kColumns; ++i) {
      const std::string& cell = lines[line][i];
      const std::string padding(widths[i] - cell.size(), ' ');
      // Names and verdicts to the left, numbers to the right.
      const bool left = i == 0 || i + 1 == kColumns;
      absl::StrAppend(&text, i == 0 ? "" : " | ", left ? cell : padding, left ? padding : cell);
    }
    while (text.back() == ' ') text.pop_back();
    text += '\n';
    if (line != 0) continue;
    for (size_t i = 0; i < kColumns; ++i) {
      absl::StrAppend(&text, i == 0 ? "" : "-|-", std::string(widths[i], '-'));
    }
    text += '\n';
  }
  return text;
}

}  // namespace fieldgate::bench
