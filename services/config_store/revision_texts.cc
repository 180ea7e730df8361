#include "services/config_store/revision_texts.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace fieldgate::config_store {
namespace {

// FNV-1a over a text and its length, so that none runs into the next.
void Add(absl::string_view text, uint64_t& sum) {
  for (const char c : absl::StrCat(text.size(), ":")) {
    sum = (sum ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  }
  for (const char c : text) sum = (sum ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
}

}  // namespace

absl::StatusOr<Texts> ReadTexts(sqlite::Database& database, int64_t revision) {
  absl::StatusOr<sqlite::Statement*> bodies = database.Cached(
      "SELECT database, parent, body FROM database_body AS b"
      " WHERE revision = (SELECT max(revision) FROM database_body"
      "  WHERE database = b.database AND revision <= ?1)"
      " AND body <> '' ORDER BY database, part");
  if (!bodies.ok()) return bodies.status();
  (*bodies)->BindInt(1, revision);
  Texts texts;
  while (true) {
    const absl::StatusOr<bool> row = (*bodies)->Step();
    if (!row.ok()) return row.status();
    if (!*row) return texts;
    texts[std::string((*bodies)->Text(0))].push_back(
        {std::string((*bodies)->Text(1)), std::string((*bodies)->Text(2))});
  }
}

absl::Status WriteText(sqlite::Database& database, const std::string& name, int64_t revision,
                       const std::vector<TextPart>& text) {
  // A database that is gone has one empty part.
  const std::vector<TextPart> gone(1);
  const std::vector<TextPart>& parts = text.empty() ? gone : text;
  absl::Status status;
  for (size_t part = 0; status.ok() && part < parts.size(); ++part) {
    absl::StatusOr<sqlite::Statement*> body = database.Cached(
        "INSERT INTO database_body (database, revision, part, parent, body)"
        " VALUES (?1, ?2, ?3, ?4, ?5)");
    if (!body.ok()) return body.status();
    (*body)
        ->BindText(1, name)
        .BindInt(2, revision)
        .BindInt(3, static_cast<int64_t>(part))
        .BindText(4, parts[part].parent)
        .BindText(5, parts[part].text);
    status = (*body)->Run();
  }
  return status;
}

std::string DigestOf(const Texts& texts) {
  uint64_t sum = 0xcbf29ce484222325u;
  for (const auto& [name, parts] : texts) {
    Add(name, sum);
    for (const TextPart& part : parts) {
      Add(part.parent, sum);
      Add(part.text, sum);
    }
  }
  return absl::StrFormat("%016x", sum);
}

absl::Status WriteDigest(sqlite::Database& database, int64_t revision) {
  const absl::StatusOr<Texts> texts = ReadTexts(database, revision);
  if (!texts.ok()) return texts.status();
  absl::StatusOr<sqlite::Statement*> update =
      database.Cached("UPDATE revision SET digest = ?2 WHERE revision = ?1");
  if (!update.ok()) return update.status();
  return (*update)->BindInt(1, revision).BindText(2, DigestOf(*texts)).Run();
}

}  // namespace fieldgate::config_store
