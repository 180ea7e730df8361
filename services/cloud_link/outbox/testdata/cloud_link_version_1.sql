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
INSERT INTO connector (id, name, next_message_id, next_sequence, dropped)
  VALUES (1, 'CloudConn', 42, 8, 0);
-- Sequence 7 of the connector's data lane, which begins at 2^57.
INSERT INTO entry (key, size, message_id, timestamp, layout, qos, topic, content)
  VALUES (144115188075855879, 71, 41, 1700000000, 0, 1, 'c/fp/g/data', x'7b7d');
INSERT INTO counter (name, value) VALUES ('rollout', 3);
PRAGMA user_version = 1;
