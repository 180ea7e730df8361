-- logs.db as version 1 left it.
CREATE TABLE state (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        factory_epoch INTEGER,         -- NULL: none was seen yet
        highest_id INTEGER NOT NULL    -- of all records of forgotten logs
      ) STRICT;
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
CREATE TABLE span (
        log INTEGER NOT NULL REFERENCES log (number) ON DELETE CASCADE,
        span INTEGER NOT NULL,
        earliest_us INTEGER NOT NULL,
        latest_us INTEGER NOT NULL,
        PRIMARY KEY (log, span)
      ) STRICT, WITHOUT ROWID;
CREATE TABLE record_1 (id INTEGER PRIMARY KEY, recorded_at_us INTEGER NOT NULL, layout INTEGER NOT NULL, content BLOB NOT NULL) STRICT;
CREATE TABLE record_2 (id INTEGER PRIMARY KEY, recorded_at_us INTEGER NOT NULL, layout INTEGER NOT NULL, content BLOB NOT NULL) STRICT;
INSERT INTO state VALUES (1, 7, 0);
INSERT INTO log VALUES (1, 'Energy', 0, 16777216, 31536000, 4, 5, 55, 3, 1799999940000000, 1800000000000000);
INSERT INTO log VALUES (2, 'Old', 1, 1048576, 31536000, 1, 1, 28, 0, 1799999940000000, 1799999940000000);
INSERT INTO layout VALUES (1, 1);
INSERT INTO layout VALUES (2, 2);
INSERT INTO layout_point VALUES (1, 0, 'Voltage', '/Process/Bus1/Meter/Voltage');
INSERT INTO layout_point VALUES (1, 1, 'V', '/Process/PV/V');
INSERT INTO layout_point VALUES (2, 0, 'V', '/Process/PV/V');
INSERT INTO record_1 VALUES (4, 1799999940000000, 1, x'49822415036f6666');  -- 230.5, off
INSERT INTO record_1 VALUES (5, 1800000000000000, 1, x'29ce0315026f6e');    -- 231, on
INSERT INTO record_2 VALUES (1, 1799999940000000, 2, x'15066f6e6c696e65');
PRAGMA user_version = 1;
