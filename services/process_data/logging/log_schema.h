#pragma once

#include "common/sqlite/sqlite.h"

namespace fieldgate::process_data {

// Each log has a table of its own for its records, record_<log.number>, so that
// records are always added at a table's end: its pages are full, and a record
// writes one of them. See CreateRecordTable.
inline constexpr sqlite::Migration kLogMigrations[] = {
    {1, "logs, their layouts and records", R"sql(
      CREATE TABLE state (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        factory_epoch INTEGER,         -- NULL: none was seen yet
        highest_id INTEGER NOT NULL    -- of all records of forgotten logs
      ) STRICT;
      INSERT INTO state (id, factory_epoch, highest_id) VALUES (1, NULL, 0);
      CREATE TABLE log (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        removed INTEGER NOT NULL,      -- 0: configured; else the larger, the later
        max_bytes INTEGER NOT NULL,
        max_age_s INTEGER NOT NULL,
        first_id INTEGER NOT NULL,     -- last_id + 1: no record
        last_id INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        dropped INTEGER NOT NULL,
        earliest_us INTEGER NOT NULL,  -- of the records of the last span
        latest_us INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE layout (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        log INTEGER NOT NULL REFERENCES log (number) ON DELETE CASCADE
      ) STRICT;
      CREATE TABLE layout_point (
        layout INTEGER NOT NULL REFERENCES layout (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        path TEXT NOT NULL,
        PRIMARY KEY (layout, position)
      ) STRICT, WITHOUT ROWID;
      -- Of 256 records each (id / 256), but the last ones: their times, which are
      -- not in the order of the ids when the clock jumps.
      CREATE TABLE span (
        log INTEGER NOT NULL REFERENCES log (number) ON DELETE CASCADE,
        span INTEGER NOT NULL,
        earliest_us INTEGER NOT NULL,
        latest_us INTEGER NOT NULL,
        PRIMARY KEY (log, span)
      ) STRICT, WITHOUT ROWID;
    )sql"},
    {2, "the age of records, whatever the wall clock says", R"sql(
      -- Records from first_id on were made when the log's AgeClock stood at
      -- age + (recorded_at - wall); those before a log's first row when it stood at
      -- that row's age, at most. A row begins where one of the clocks jumped, and
      -- keeps the age of a log that gets no records. All in seconds.
      CREATE TABLE era (
        log INTEGER NOT NULL REFERENCES log (number) ON DELETE CASCADE,
        first_id INTEGER NOT NULL,
        age INTEGER NOT NULL,
        wall INTEGER NOT NULL,
        monotonic INTEGER NOT NULL,
        PRIMARY KEY (log, first_id)
      ) STRICT, WITHOUT ROWID;
    )sql"},
};

}  // namespace fieldgate::process_data
