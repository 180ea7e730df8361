#pragma once

#include "common/sqlite/sqlite.h"

namespace fieldgate::cloud_link {

inline constexpr sqlite::Migration kOutboxMigrations[] = {
    {1, "connectors, entries, layouts, losses, counters", R"sql(
      CREATE TABLE connector (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        next_message_id INTEGER NOT NULL,
        next_sequence INTEGER NOT NULL,
        dropped INTEGER NOT NULL
      );
      -- key: connector, lane and sequence in one number (KeyOf), so that the
      -- table itself is in sending order and needs no index.
      CREATE TABLE entry (
        key INTEGER PRIMARY KEY,
        size INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        timestamp INTEGER NOT NULL,
        layout INTEGER NOT NULL,
        qos INTEGER NOT NULL,
        topic TEXT NOT NULL,
        content BLOB NOT NULL
      );
      CREATE TABLE layout (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        connector INTEGER NOT NULL REFERENCES connector (id),
        bytes BLOB NOT NULL
      );
      CREATE TABLE loss (
        connector INTEGER NOT NULL REFERENCES connector (id),
        number INTEGER NOT NULL,
        first_message_id INTEGER NOT NULL,
        last_message_id INTEGER NOT NULL,
        first_timestamp INTEGER NOT NULL,
        last_timestamp INTEGER NOT NULL,
        count INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (connector, number)
      ) WITHOUT ROWID;
      CREATE TABLE counter (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
      ) WITHOUT ROWID;
    )sql"},
    {2, "requests of the feedback channel and their answers", R"sql(
      CREATE TABLE request (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        connector TEXT NOT NULL,
        state INTEGER NOT NULL,         -- 0 accepted, 1 begun, 2 answered
        topic TEXT NOT NULL,            -- its own; once answered, the answer's
        body BLOB NOT NULL,             -- until it is answered
        key TEXT NOT NULL DEFAULT '',   -- what makes a second one the same
        answer BLOB                     -- NULL: none yet, or not kept any more
      );
      CREATE INDEX request_key ON request (connector, key);
    )sql"},
    {3, "positions in logs", R"sql(
      CREATE TABLE position (
        connector INTEGER NOT NULL REFERENCES connector (id),
        name TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (connector, name)
      ) WITHOUT ROWID;
    )sql"},
};

}  // namespace fieldgate::cloud_link
