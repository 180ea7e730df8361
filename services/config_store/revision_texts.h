#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sqlite/sqlite.h"
#include "services/config_store/database_text.h"

// The texts of revisions in config.db (tables revision and database_body). Errors as
// common/sqlite.
namespace fieldgate::config_store {

using Texts = std::map<std::string, std::vector<TextPart>>;  // by database

// All databases as they were in `revision`.
absl::StatusOr<Texts> ReadTexts(sqlite::Database& database, int64_t revision);

// Stores what a revision has of a database; an empty text: it is gone.
absl::Status WriteText(sqlite::Database& database, const std::string& name, int64_t revision,
                       const std::vector<TextPart>& text);

// What tells whether texts are still those of their revision. It is no secret and no
// signature.
std::string DigestOf(const Texts& texts);

// Keeps the digest of a revision whose texts are stored.
absl::Status WriteDigest(sqlite::Database& database, int64_t revision);

}  // namespace fieldgate::config_store
