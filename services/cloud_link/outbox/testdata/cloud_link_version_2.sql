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
INSERT INTO connector (id, name, next_message_id, next_sequence, dropped)
  VALUES (1, 'CloudConn', 42, 8, 0);
-- Sequence 7 of the connector's data lane, which begins at 2^57.
INSERT INTO entry (key, size, message_id, timestamp, layout, qos, topic, content)
  VALUES (144115188075855879, 71, 41, 1700000000, 0, 1, 'c/fp/g/data', x'7b7d');
INSERT INTO counter (name, value) VALUES ('rollout', 3);
INSERT INTO loss (connector, number, first_message_id, last_message_id, first_timestamp,
                  last_timestamp, count, reason)
  VALUES (1, 1, 38, 40, 1699999997, 1699999999, 3, 'full: oldest dropped');
UPDATE connector SET dropped = 3;
INSERT INTO request (number, connector, state, topic, body) VALUES
  (5, 'CloudConn', 1, 'c/fp/g/cmd', x'7b7d'),
  (6, 'CloudConn', 0, 'c/fp/g/config', x'7b7d');
INSERT INTO request (number, connector, state, topic, body, key, answer) VALUES
  (4, 'CloudConn', 2, 'c/fp/g/cmdResult', x'', 'cmd/1', x'7b2261223a317d');
PRAGMA user_version = 2;
