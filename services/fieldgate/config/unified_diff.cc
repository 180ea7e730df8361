#include "services/fieldgate/config/unified_diff.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace fieldgate::commands {
namespace {

using Lines = std::vector<absl::string_view>;

// Lines around a change, as everybody shows them.
constexpr size_t kContext = 3;
// Deleted and inserted lines up to which the shortest difference is looked for;
// the search takes the square of it, 4 MB.
constexpr int kMaxEdits = 1'000;

struct Edit {
  char kind;  // ' ' in both, '-' old, '+' new
  absl::string_view line;
};

Lines LinesOf(absl::string_view text) {
  Lines lines = absl::StrSplit(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

// Myers' greedy search, over the furthest x reached with d edits on each diagonal
// k = x - y, from -d to d; -1: none.
using Front = std::vector<int>;

// Where a diagonal is entered with one edit more than `last` took: by deleting a
// line (from the diagonal below) or inserting one (from that above), whichever
// leads further; x is -1 when neither is possible.
struct Entry {
  int x = -1;
  int from = 0;  // diagonal
};
Entry Enter(const Front& last, int k, int n, int m) {
  const int d = static_cast<int>(last.size() / 2);  // edits of `last`
  const auto at = [&](int diagonal) {
    return std::abs(diagonal) > d ? -1 : last[static_cast<size_t>(diagonal + d)];
  };
  const int deleted = at(k - 1) >= 0 && at(k - 1) < n ? at(k - 1) + 1 : -1;
  const int inserted = at(k + 1) >= 0 && at(k + 1) - k <= m ? at(k + 1) : -1;
  return inserted >= deleted ? Entry{inserted, k + 1} : Entry{deleted, k - 1};
}

// The fronts of 0, 1, 2 ... edits up to the one that reaches the end; empty when
// that takes more than kMaxEdits.
std::vector<Front> Search(const Lines& a, const Lines& b) {
  const int n = static_cast<int>(a.size());
  const int m = static_cast<int>(b.size());
  std::vector<Front> fronts;
  for (int d = 0; d <= kMaxEdits; ++d) {
    Front front(static_cast<size_t>(2 * d + 1), -1);
    for (int k = -d; k <= d; k += 2) {
      int x = d == 0 ? 0 : Enter(fronts.back(), k, n, m).x;
      if (x < 0) continue;
      int y = x - k;
      while (x < n && y < m && a[static_cast<size_t>(x)] == b[static_cast<size_t>(y)]) {
        ++x;
        ++y;
      }
      front[static_cast<size_t>(k + d)] = x;
      if (x < n || y < m) continue;
      fronts.push_back(std::move(front));
      return fronts;
    }
    fronts.push_back(std::move(front));
  }
  return {};
}

std::vector<Edit> ReplaceAll(const Lines& a, const Lines& b) {
  std::vector<Edit> edits;
  for (const absl::string_view line : a) edits.push_back({'-', line});
  for (const absl::string_view line : b) edits.push_back({'+', line});
  return edits;
}

// The way back through the fronts.
std::vector<Edit> ShortestEdits(const Lines& a, const Lines& b) {
  const std::vector<Front> fronts = Search(a, b);
  if (fronts.empty()) return ReplaceAll(a, b);
  std::vector<Edit> edits;
  int x = static_cast<int>(a.size());
  int y = static_cast<int>(b.size());
  const auto common_down_to = [&](int end) {
    for (; x > end; --x, --y) edits.push_back({' ', a[static_cast<size_t>(x - 1)]});
  };
  for (size_t d = fronts.size() - 1; d > 0; --d) {
    const int k = x - y;
    const Entry entry =
        Enter(fronts[d - 1], k, static_cast<int>(a.size()), static_cast<int>(b.size()));
    common_down_to(entry.x);
    if (entry.from > k) {
      edits.push_back({'+', b[static_cast<size_t>(--y)]});
    } else {
      edits.push_back({'-', a[static_cast<size_t>(--x)]});
    }
  }
  common_down_to(0);
  std::reverse(edits.begin(), edits.end());
  return edits;
}

std::vector<Edit> EditsBetween(const Lines& a, const Lines& b) {
  size_t before = 0;
  while (before < a.size() && before < b.size() && a[before] == b[before]) ++before;
  size_t after = 0;
  while (after < a.size() - before && after < b.size() - before &&
         a[a.size() - 1 - after] == b[b.size() - 1 - after]) {
    ++after;
  }
  const auto middle = [&](const Lines& lines) {
    return Lines(lines.begin() + static_cast<ptrdiff_t>(before),
                 lines.end() - static_cast<ptrdiff_t>(after));
  };
  std::vector<Edit> edits;
  for (size_t i = 0; i < before; ++i) edits.push_back({' ', a[i]});
  for (const Edit& edit : ShortestEdits(middle(a), middle(b))) edits.push_back(edit);
  for (size_t i = a.size() - after; i < a.size(); ++i) edits.push_back({' ', a[i]});
  return edits;
}

// "12,3"; of nothing the line before it, as diff has it.
std::string Range(size_t first, size_t count) {
  return absl::StrCat(count == 0 ? first : first + 1, count == 1 ? "" : absl::StrCat(",", count));
}

}  // namespace

std::string UnifiedDiff(absl::string_view old_name, absl::string_view new_name,
                        absl::string_view old_text, absl::string_view new_text) {
  const Lines a = LinesOf(old_text);
  const Lines b = LinesOf(new_text);
  const std::vector<Edit> edits = EditsBetween(a, b);
  std::string out;
  size_t old_line = 0;  // of edits[i]
  size_t new_line = 0;
  size_t i = 0;
  const auto pass = [&](const Edit& edit) {
    if (edit.kind != '+') ++old_line;
    if (edit.kind != '-') ++new_line;
  };
  while (true) {
    size_t change = i;
    while (change < edits.size() && edits[change].kind == ' ') ++change;
    if (change == edits.size()) return out;
    // A hunk: changes with less than twice the context between them.
    const size_t begin = change - std::min(kContext, change - i);
    size_t last = change;
    for (size_t j = change; j < edits.size() && j <= last + 2 * kContext; ++j) {
      if (edits[j].kind != ' ') last = j;
    }
    const size_t end = std::min(edits.size(), last + 1 + kContext);
    for (; i < begin; ++i) pass(edits[i]);
    const size_t old_first = old_line;
    const size_t new_first = new_line;
    std::string lines;
    for (; i < end; ++i) {
      pass(edits[i]);
      absl::StrAppend(&lines, absl::string_view(&edits[i].kind, 1), edits[i].line, "\n");
    }
    if (out.empty()) absl::StrAppend(&out, "--- ", old_name, "\n+++ ", new_name, "\n");
    absl::StrAppend(&out, "@@ -", Range(old_first, old_line - old_first), " +",
                    Range(new_first, new_line - new_first), " @@\n", lines);
  }
}

}  // namespace fieldgate::commands
