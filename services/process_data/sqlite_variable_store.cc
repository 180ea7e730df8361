#include "services/process_data/sqlite_variable_store.h"

#include <utility>

#include "common/sqlite/sqlite.h"

namespace fieldgate::process_data {
namespace {

constexpr sqlite::Migration kMigrations[] = {
    {1, "process variables, one column a type: exactly one is not NULL",
     "CREATE TABLE variable ("
     "  name TEXT NOT NULL PRIMARY KEY,"
     "  float REAL,"
     "  integer INTEGER,"
     "  unsigned_bits INTEGER,"  // above the range of INTEGER: its 64 bits
     "  boolean INTEGER,"
     "  text TEXT"
     ") WITHOUT ROWID;"},
    {2, "the factory epoch, one row once one was seen",
     "CREATE TABLE state ("
     "  id INTEGER PRIMARY KEY CHECK (id = 1),"
     "  factory_epoch INTEGER NOT NULL"
     ") STRICT;"},
};

Value ValueOf(const sqlite::Statement& row) {
  if (!row.IsNull(1)) return row.Double(1);
  if (!row.IsNull(2)) return row.Int(2);
  if (!row.IsNull(3)) return static_cast<uint64_t>(row.Int(3));
  if (!row.IsNull(4)) return row.Int(4) != 0;
  return std::string(row.Text(5));
}

class SqliteVariableStore : public VariableStore {
 public:
  explicit SqliteVariableStore(std::unique_ptr<sqlite::Database> database)
      : database_(std::move(database)) {}

  absl::StatusOr<Saved> Load() override {
    Saved saved;
    const absl::StatusOr<sqlite::Statement*> state =
        database_->Cached("SELECT factory_epoch FROM state WHERE id = 1");
    if (!state.ok()) return state.status();
    const absl::StatusOr<bool> seen = (*state)->Step();
    if (!seen.ok()) return seen.status();
    if (*seen) saved.factory_epoch = (*state)->Int(0);
    (*state)->Reset();
    const absl::StatusOr<sqlite::Statement*> select = database_->Cached(
        "SELECT name, float, integer, unsigned_bits, boolean, text FROM variable ORDER BY name");
    if (!select.ok()) return select.status();
    for (;;) {
      const absl::StatusOr<bool> row = (*select)->Step();
      if (!row.ok()) return row.status();
      if (!*row) return saved;
      saved.values[std::string((*select)->Text(0))] = ValueOf(**select);
    }
  }

  absl::Status Save(const std::string& name, const Value& value) override {
    const absl::StatusOr<sqlite::Statement*> insert = database_->Cached(
        "INSERT OR REPLACE INTO variable (name, float, integer, unsigned_bits, boolean, text) "
        "VALUES (?, ?, ?, ?, ?, ?)");
    if (!insert.ok()) return insert.status();
    sqlite::Statement& statement = **insert;
    statement.BindText(1, name);
    if (const auto* d = std::get_if<double>(&value)) statement.BindDouble(2, *d);
    if (const auto* i = std::get_if<int64_t>(&value)) statement.BindInt(3, *i);
    if (const auto* u = std::get_if<uint64_t>(&value)) {
      statement.BindInt(4, static_cast<int64_t>(*u));
    }
    if (const auto* b = std::get_if<bool>(&value)) statement.BindInt(5, *b ? 1 : 0);
    if (const auto* s = std::get_if<std::string>(&value)) statement.BindText(6, *s);
    return statement.Run();
  }

  absl::Status SetEpoch(int64_t factory_epoch, bool forget) override {
    absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(*database_);
    if (!transaction.ok()) return transaction.status();
    const absl::StatusOr<sqlite::Statement*> set =
        database_->Cached("INSERT OR REPLACE INTO state (id, factory_epoch) VALUES (1, ?1)");
    if (!set.ok()) return set.status();
    absl::Status status = (*set)->BindInt(1, factory_epoch).Run();
    if (status.ok() && forget) status = database_->Execute("DELETE FROM variable");
    if (status.ok()) status = transaction->Commit();
    return status;
  }

 private:
  const std::unique_ptr<sqlite::Database> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<VariableStore>> OpenSqliteVariableStore(
    const std::string& path, sqlite::Disk* disk,
    std::function<void(const absl::Status&)> on_damage) {
  sqlite::Options options;
  options.disk = disk;
  options.on_damage = std::move(on_damage);
  absl::StatusOr<std::unique_ptr<sqlite::Database>> database =
      sqlite::Database::Open(path, options);
  if (!database.ok()) return database.status();
  if (absl::Status status = sqlite::Migrate(**database, kMigrations); !status.ok()) return status;
  return std::make_unique<SqliteVariableStore>(*std::move(database));
}

absl::StatusOr<std::optional<sqlite::Recovery>> RecoverVariables(const std::string& path,
                                                                 sqlite::Disk& disk,
                                                                 absl::Time now) {
  sqlite::RecoveryRules rules;
  rules.options.disk = &disk;
  rules.migrations = kMigrations;
  rules.rows.plausible = [](const sqlite::SalvagedRow& row) {
    if (row.table.name != "variable") return true;
    int values = 0;
    for (const char* column : {"float", "integer", "unsigned_bits", "boolean", "text"}) {
      if (row[column].type != sqlite::Field::Type::kNull) ++values;
    }
    return values == 1 && !row.Bytes("name").empty();
  };
  rules.mend = [](sqlite::Database&, const sqlite::Salvaged&, sqlite::Recovery& recovery) {
    recovery.effect = "process variables that were not saved are not set";
    return absl::OkStatus();
  };
  return sqlite::RecoverIfDamaged(path, rules, now);
}

}  // namespace fieldgate::process_data
