#pragma once

#include <optional>
#include <string>
#include <vector>

namespace fieldgate::bench {

// What a figure has to reach: a bound on our value itself, or on its ratio to
// the baseline. The default asks for nothing.
struct Target {
  enum class Of { kNothing, kOurs, kRatio };
  enum class Side { kAtMost, kAtLeast };

  Of of = Of::kNothing;
  Side side = Side::kAtMost;
  double value = 0;

  static Target OursAtMost(double value) { return {Of::kOurs, Side::kAtMost, value}; }
  static Target OursAtLeast(double value) { return {Of::kOurs, Side::kAtLeast, value}; }
  static Target RatioAtMost(double value) { return {Of::kRatio, Side::kAtMost, value}; }
  static Target RatioAtLeast(double value) { return {Of::kRatio, Side::kAtLeast, value}; }
};

// One measured figure.
struct Row {
  std::string figure;  // "encode a point, TiXML"
  std::string unit;    // "ns", of both values
  double ours = 0;
  std::optional<double> baseline = {};  // of the same run; none: nothing to compare with
  Target target = {};

  std::optional<double> Ratio() const;  // ours / baseline
  std::optional<bool> Met() const;      // none: no target
};

// "figure | ours | raw baseline | ratio | target |" with a verdict: "ok",
// "MISSED", or empty where there is no target.
std::string FormatTable(const std::vector<Row>& rows);

// Three significant digits, never in exponent form: "0.0123", "12.3", "12300".
std::string FormatNumber(double number);

}  // namespace fieldgate::bench
