-- config.db as version 4 left it.
CREATE TABLE connector (
  name TEXT PRIMARY KEY NOT NULL,
  start INTEGER NOT NULL,
  base_url TEXT NOT NULL,
  username TEXT NOT NULL,
  gateway_id TEXT NOT NULL,
  customer_id TEXT NOT NULL,
  qos INTEGER NOT NULL,
  format TEXT NOT NULL,
  keep_alive_s INTEGER NOT NULL,
  client_id TEXT NOT NULL,
  clean_session INTEGER NOT NULL,
  cache INTEGER NOT NULL,
  cache_max_mb INTEGER NOT NULL,
  server_auth TEXT NOT NULL,
  time_zone TEXT NOT NULL
) STRICT;
CREATE TABLE database_body (
  database TEXT NOT NULL,
  revision INTEGER NOT NULL,
  part INTEGER NOT NULL,
  parent TEXT NOT NULL,  -- the element that the part's elements belong to
  body TEXT NOT NULL,
  PRIMARY KEY (database, revision, part)
) STRICT;
INSERT INTO "database_body" VALUES('USER',6,0,'','<USER><Value _="six"/></USER>');
INSERT INTO "database_body" VALUES('USER',7,0,'','<USER><Value _="seven"/></USER>');
CREATE TABLE factory (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL  -- how many resets there were
) STRICT;
INSERT INTO "factory" VALUES(1,0);
CREATE TABLE identity (
  connector TEXT PRIMARY KEY NOT NULL,
  gateway_id TEXT NOT NULL,
  customer_id TEXT NOT NULL,
  data_broker_url TEXT NOT NULL,
  data_broker_qos INTEGER NOT NULL CHECK (data_broker_qos BETWEEN -1 AND 2)  -- -1: none given
) STRICT;
INSERT INTO "identity" VALUES('CloudConn','gw','cu','',-1);
CREATE TABLE message (
  log TEXT NOT NULL,
  id INTEGER NOT NULL,  -- counts up in each log; also entries that are gone
  at_us INTEGER NOT NULL,
  source TEXT NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (log, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "message" VALUES('SupportLog',3,1700000000000000,'test','old');
CREATE TABLE probation (
  position INTEGER PRIMARY KEY,
  connector TEXT NOT NULL,
  revision INTEGER NOT NULL,
  former_revision INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('PENDING', 'CONFIRMED', 'TAKEN_BACK')),
  confirm_time_s INTEGER NOT NULL,
  -- What a rollout had given before, as in identity; no gateway_id: nothing.
  gateway_id TEXT NOT NULL,
  customer_id TEXT NOT NULL,
  data_broker_url TEXT NOT NULL,
  data_broker_qos INTEGER NOT NULL CHECK (data_broker_qos BETWEEN -1 AND 2)
) STRICT;
CREATE TABLE probation_body (
  position INTEGER NOT NULL REFERENCES probation (position) ON DELETE CASCADE,
  part INTEGER NOT NULL,
  parent TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (position, part)
) STRICT;
CREATE TABLE realtime_metadata (
  connector TEXT NOT NULL,
  section INTEGER NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (connector, section, position, name),
  FOREIGN KEY (connector, section, position)
    REFERENCES realtime_point (connector, section, position) ON DELETE CASCADE
) STRICT;
CREATE TABLE realtime_point (
  connector TEXT NOT NULL,
  section INTEGER NOT NULL,
  position INTEGER NOT NULL,  -- in the section, from 0
  name TEXT NOT NULL,
  path TEXT NOT NULL,
  second_path TEXT NOT NULL,
  hysteresis REAL NOT NULL,
  origin TEXT NOT NULL,
  PRIMARY KEY (connector, section, position),
  FOREIGN KEY (connector, section)
    REFERENCES realtime_section (connector, section) ON DELETE CASCADE
) STRICT;
CREATE TABLE realtime_section (
  connector TEXT NOT NULL REFERENCES connector (name) ON DELETE CASCADE,
  section INTEGER NOT NULL CHECK (section BETWEEN 1 AND 5),
  mode TEXT NOT NULL CHECK (mode IN ('cyclic', 'hysteresis')),
  period_ms INTEGER NOT NULL,  -- of sending, or of checking for changes
  PRIMARY KEY (connector, section)
) STRICT;
CREATE TABLE revision (
  revision INTEGER PRIMARY KEY,
  created_at_us INTEGER NOT NULL,  -- Unix time in microseconds
  database TEXT NOT NULL,          -- as the SetConfig named it: ISP/CloudConn
  origin TEXT NOT NULL
) STRICT;
INSERT INTO "revision" VALUES(6,1700000000000000,'USER','test');
INSERT INTO "revision" VALUES(7,1700000001000000,'USER','test');
PRAGMA user_version = 4;
