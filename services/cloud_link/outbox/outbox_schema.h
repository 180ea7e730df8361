#pragma once

#include "common/sqlite/sqlite.h"

namespace fieldgate::cloud_link {

// That of file systems and flash: a commit writes two pages at least, the
// connector's row and the entries (tests/bench, wear).
inline constexpr int kOutboxPageSize = 4096;

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
    {3, "answers that wait for the outcome of a probation", R"sql(
      -- state 3: executed, `held` is what the answer is made of then.
      ALTER TABLE request ADD COLUMN held BLOB;
    )sql"},
    {4, "the program that is stopped for a SetConfig", R"sql(
      CREATE TABLE stopped_program (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        mode TEXT NOT NULL              -- to be restored
      );
    )sql"},
    {5, "factory resets", R"sql(
      CREATE TABLE factory (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        epoch INTEGER NOT NULL,         -- that the other tables belong to
        next_epoch INTEGER NOT NULL,    -- another one: they are to be forgotten
        ordered TEXT                    -- by whom, until it is done
      );
      INSERT INTO factory (id, epoch, next_epoch) VALUES (1, -1, -1);
    )sql"},
    {6, "what the states of EVENTS know, and handlers that are due", R"sql(
      CREATE TABLE event (
        name TEXT PRIMARY KEY NOT NULL,
        path TEXT NOT NULL,
        condition INTEGER NOT NULL,     -- proto EventState.Condition
        seen INTEGER NOT NULL,
        active INTEGER NOT NULL,
        raised INTEGER NOT NULL,
        waiting INTEGER NOT NULL,
        -- What a change is seen against: type, bits or text, and sensor_state.
        kind INTEGER NOT NULL,
        bits INTEGER NOT NULL,
        text TEXT NOT NULL,
        state INTEGER NOT NULL,
        last_at_us INTEGER NOT NULL     -- Unix time; 0: never
      ) WITHOUT ROWID;
      CREATE TABLE event_handler (
        number INTEGER PRIMARY KEY,
        event TEXT NOT NULL,
        handler TEXT NOT NULL,
        ended INTEGER NOT NULL,         -- 1: the end handler
        value TEXT NOT NULL,
        at_us INTEGER NOT NULL
      );
    )sql"},
    {7, "positions in logs", R"sql(
      CREATE TABLE position (
        connector INTEGER NOT NULL REFERENCES connector (id),
        name TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (connector, name)
      ) WITHOUT ROWID;
    )sql"},
    {8, "losses that the portal was told of; the age of entries", R"sql(
      ALTER TABLE loss ADD COLUMN reported INTEGER NOT NULL DEFAULT 0;
      -- Seconds on the connector's AgeClock. Entries from before are as old as
      -- this column.
      ALTER TABLE entry ADD COLUMN born INTEGER NOT NULL DEFAULT 0;
    )sql"},
    {9, "what a connector holds, so that millions of entries need not be counted", R"sql(
      ALTER TABLE connector ADD COLUMN results INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE connector ADD COLUMN result_bytes INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE connector ADD COLUMN data INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE connector ADD COLUMN data_bytes INTEGER NOT NULL DEFAULT 0;
      -- From here to next_message_id: perhaps taken by messages in memory when
      -- the process died. 0: none.
      ALTER TABLE connector ADD COLUMN unsure_from INTEGER NOT NULL DEFAULT 0;
      -- The last sequence that may use it; NULL: it is the one in use.
      ALTER TABLE layout ADD COLUMN until INTEGER;
      UPDATE connector SET (results, result_bytes) =
        (SELECT count(*), coalesce(sum(size), 0) FROM entry
         WHERE key BETWEEN ((connector.id - 1) * 2) << 57
           AND (((connector.id - 1) * 2) << 57) + ((1 << 57) - 1));
      UPDATE connector SET (data, data_bytes) =
        (SELECT count(*), coalesce(sum(size), 0) FROM entry
         WHERE key BETWEEN ((connector.id - 1) * 2 + 1) << 57
           AND (((connector.id - 1) * 2 + 1) << 57) + ((1 << 57) - 1));
    )sql"},
    {10, "which file this is, and which witness of ids it knows", R"sql(
      CREATE TABLE file_identity (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        inode INTEGER NOT NULL,          -- 0: unknown, as the others
        born_ns INTEGER NOT NULL,        -- Unix time
        witness_inode INTEGER NOT NULL,
        witness_born_ns INTEGER NOT NULL
      );
    )sql"},
};

}  // namespace fieldgate::cloud_link
