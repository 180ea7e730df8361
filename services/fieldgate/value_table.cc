#include "services/fieldgate/value_table.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/value/batch.h"
#include "common/value/value.h"
#include "services/fieldgate/terminal_text.h"

namespace fieldgate::commands {
namespace {

using process_data::v1::ValueBatch;

std::string StateName(int state) {
  switch (state) {
    case 0:
      return "invalid";
    case 1:
      return "valid";
    default:
      return "-";
  }
}

// The first `columns` characters.
std::string Cut(const std::string& line, int columns) {
  size_t end = 0;
  for (int characters = 0; end < line.size(); ++end) {
    if ((static_cast<unsigned char>(line[end]) & 0xc0) != 0x80 && ++characters > columns) break;
  }
  return line.substr(0, end);
}

}  // namespace

absl::StatusOr<std::vector<ValueRow>> ValueTable::Apply(const ValueBatch& batch) {
  if (batch.has_dictionary()) {
    std::map<std::string, ValueRow> known;
    for (ValueRow& row : rows_) known[row.path] = row;
    rows_.clear();
    for (const std::string& path : batch.dictionary().paths()) {
      const auto row = known.find(path);
      rows_.push_back(row != known.end() ? row->second : ValueRow{.path = path, .value = ""});
    }
  }
  if (absl::Status checked = CheckColumns(batch, rows_.size()); !checked.ok()) return checked;
  std::vector<ValueRow> changes;
  int i = 0;
  for (const ValueBatch::Run& run : batch.runs()) {
    for (uint32_t point = run.first(); point < run.first() + run.count(); ++point, ++i) {
      ValueRow& row = rows_[point];
      std::string value = ToText(ValueAt(batch, i));
      const int state = batch.states()[static_cast<size_t>(i)];
      const bool changed = row.value != value || row.state != state;
      row.value = std::move(value);
      row.state = state;
      row.sampled_at = absl::FromUnixMicros(run.sampled_at_us());
      if (changed) changes.push_back(row);
    }
  }
  return changes;
}

std::string ChangeLine(const ValueRow& row) {
  return absl::StrCat(IsoTime(row.sampled_at), " ", row.path, " ", OneWord(row.value), " ",
                      StateName(row.state));
}

std::vector<std::string> TableLines(const std::vector<ValueRow>& rows, const std::string& title,
                                    absl::Time now, ScreenSize size) {
  constexpr int kTitleAndHead = 2;
  const size_t room = static_cast<size_t>(std::max(size.lines - kTitleAndHead, 1));
  const size_t shown = rows.size() <= room ? rows.size() : room - 1;
  std::vector<std::vector<std::string>> cells = {{"PATH", "VALUE", "STATE", "AGE"}};
  for (size_t i = 0; i < shown; ++i) {
    const ValueRow& row = rows[i];
    cells.push_back({row.path, Printable(row.value), StateName(row.state),
                     row.state < 0 ? "" : ShortAge(now - row.sampled_at)});
  }
  std::string text = absl::StrCat(title, "\n", Columns(cells));
  if (shown < rows.size()) absl::StrAppend(&text, "and ", rows.size() - shown, " more\n");
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    lines.push_back(Cut(std::string(line), size.columns));
  }
  lines.pop_back();  // after the last line's end
  return lines;
}

}  // namespace fieldgate::commands
