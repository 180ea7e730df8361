#include "common/sqlite/recovery_journal.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/sqlite/vfs_file.h"

namespace fieldgate::sqlite {
namespace {

constexpr int64_t kMaxBytes = 1 << 20;
constexpr absl::string_view kRecovery = "recovery";
constexpr absl::string_view kUnfinished = "unfinished";
constexpr absl::string_view kInARow = "in_a_row";
constexpr absl::string_view kSwapTo = "swap_to";

// An empty value would be no word of the line.
std::string Write(absl::string_view value) { return absl::StrCat("'", absl::CHexEscape(value)); }

bool Read(absl::string_view word, std::string& value) {
  return !word.empty() && word[0] == '\'' && absl::CUnescape(word.substr(1), &value);
}

bool ReadRecovery(const std::vector<absl::string_view>& words, Recovery& r) {
  return words.size() == 9 && Read(words[1], r.file) && Read(words[2], r.put_aside) &&
         absl::SimpleAtoi(words[3], &r.at) && Read(words[4], r.why) &&
         absl::SimpleAtoi(words[5], &r.rows_saved) && absl::SimpleAtoi(words[6], &r.rows_lost) &&
         Read(words[7], r.effect) && absl::SimpleAtob(words[8], &r.told);
}

}  // namespace

void RecoveryJournal::Add(Recovery recovery) {
  recoveries.push_back(std::move(recovery));
  if (recoveries.size() > kMaxRecoveries) recoveries.erase(recoveries.begin());
}

std::string RecoveryJournal::Text() const {
  std::vector<std::string> lines = {
      "# What became of damaged databases; see fieldgate status.",
      absl::StrCat(kUnfinished, "\t", unfinished),
      absl::StrCat(kInARow, "\t", in_a_row),
  };
  if (!swap_to.empty()) lines.push_back(absl::StrCat(kSwapTo, "\t", Write(swap_to)));
  for (const Recovery& r : recoveries) {
    lines.push_back(absl::StrJoin(
        {std::string(kRecovery), Write(r.file), Write(r.put_aside), absl::StrCat(r.at),
         Write(r.why), absl::StrCat(r.rows_saved), absl::StrCat(r.rows_lost), Write(r.effect),
         std::string(r.told ? "true" : "false")},
        "\t"));
  }
  return absl::StrJoin(lines, "\n") + "\n";
}

RecoveryJournal RecoveryJournal::Parse(absl::string_view text) {
  RecoveryJournal journal;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, '\t');
    Recovery recovery;
    int number = 0;
    if (words[0] == kRecovery && ReadRecovery(words, recovery)) journal.Add(std::move(recovery));
    if (words.size() != 2) continue;
    const bool is_number = absl::SimpleAtoi(words[1], &number) && number >= 0;
    if (words[0] == kUnfinished && is_number) journal.unfinished = number;
    if (words[0] == kInARow && is_number) journal.in_a_row = number;
    if (words[0] == kSwapTo && !Read(words[1], journal.swap_to)) journal.swap_to.clear();
  }
  // The swap is about the last recovery.
  if (journal.recoveries.empty()) journal.swap_to.clear();
  return journal;
}

absl::StatusOr<RecoveryJournal> RecoveryJournal::Load(Disk& disk, const std::string& path) {
  const absl::StatusOr<FileIdentity> identity = disk.Identify(path);
  if (!identity.ok()) return identity.status();
  if (identity->kind != FileIdentity::Kind::kFile) return RecoveryJournal();
  const absl::StatusOr<std::string> text = ReadFile(disk, path, kMaxBytes);
  if (!text.ok()) return text.status();
  return Parse(*text);
}

absl::Status RecoveryJournal::Save(Disk& disk, const std::string& path) const {
  return ReplaceFile(disk, path, Text());
}

}  // namespace fieldgate::sqlite
