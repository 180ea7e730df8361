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
-- state 3: executed, `held` is what the answer is made of then.
ALTER TABLE request ADD COLUMN held BLOB;
CREATE TABLE stopped_program (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  mode TEXT NOT NULL              -- to be restored
);
CREATE TABLE factory (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL,         -- that the other tables belong to
  next_epoch INTEGER NOT NULL,    -- another one: they are to be forgotten
  ordered TEXT                    -- by whom, until it is done
);
INSERT INTO factory (id, epoch, next_epoch) VALUES (1, -1, -1);
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
CREATE TABLE position (
  connector INTEGER NOT NULL REFERENCES connector (id),
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (connector, name)
) WITHOUT ROWID;
INSERT INTO connector (id, name, next_message_id, next_sequence, dropped)
  VALUES (1, 'CloudConn', 42, 8, 5);
-- Sequence 7 of the connector's data lane, which begins at 2^57.
INSERT INTO entry (key, size, message_id, timestamp, layout, qos, topic, content)
  VALUES (144115188075855879, 71, 41, 1700000000, 0, 1, 'c/fp/g/data', x'7b7d');
INSERT INTO loss (connector, number, first_message_id, last_message_id, first_timestamp,
                  last_timestamp, count, reason) VALUES
  (1, 1, 0, 0, 0, 1699999990, 2, 'log Energy: records 5 to 6 dropped by the log''s bounds'),
  (1, 2, 38, 40, 1699999997, 1699999999, 3, 'full: oldest dropped');
INSERT INTO counter (name, value) VALUES ('rollout', 3);
INSERT INTO position (connector, name, position) VALUES (1, 'log Energy', 17);
ALTER TABLE loss ADD COLUMN reported INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN born INTEGER NOT NULL DEFAULT 0;
INSERT INTO connector (id, name, next_message_id, next_sequence, dropped)
  VALUES (2, 'CloudConn2', 5, 5, 0);
INSERT INTO layout (id, connector, bytes) VALUES (1, 2, x'61'), (2, 2, x'62');
-- Of the second connector, whose lanes begin at 2 * 2^57 and 3 * 2^57: an answer
-- and two messages.
INSERT INTO entry (key, size, message_id, timestamp, layout, qos, topic, content, born) VALUES
  (288230376151711745, 70, 0, 1700000000, 0, 1, 'd/fp/g/cmdResult', x'7b7d', 0),
  (432345564227567618, 100, 3, 1700000000, 1, 1, 'd/fp/g/data', x'00', 9),
  (432345564227567619, 101, 4, 1700000001, 2, 1, 'd/fp/g/data', x'00', 10);
INSERT INTO position (connector, name, position) VALUES (2, 'log Energy', 17);
PRAGMA user_version = 8;
