#pragma once

#include "absl/types/span.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::config_store {

// The versions of config.db.
absl::Span<const sqlite::Migration> Migrations();

}  // namespace fieldgate::config_store
