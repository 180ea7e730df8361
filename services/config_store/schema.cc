#include "services/config_store/schema.h"

namespace fieldgate::config_store {
namespace {

constexpr sqlite::Migration kMigrations[] = {
    {1, "the first version", R"sql(
CREATE TABLE revision (
  revision INTEGER PRIMARY KEY,
  created_at_us INTEGER NOT NULL,  -- Unix time in microseconds
  database TEXT NOT NULL,          -- as the SetConfig named it: ISP/CloudConn
  origin TEXT NOT NULL
) STRICT;

-- The TiXML text of a database, in the revisions that changed it. In the
-- others the newest earlier one holds.
CREATE TABLE database_body (
  database TEXT NOT NULL,
  revision INTEGER NOT NULL,
  part INTEGER NOT NULL,
  parent TEXT NOT NULL,  -- the element that the part's elements belong to
  body TEXT NOT NULL,
  PRIMARY KEY (database, revision, part)
) STRICT;

-- What connector, realtime_section, realtime_point and realtime_metadata hold
-- follows from the databases; it is there to be queried. No password is.
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

CREATE TABLE realtime_section (
  connector TEXT NOT NULL REFERENCES connector (name) ON DELETE CASCADE,
  section INTEGER NOT NULL CHECK (section BETWEEN 1 AND 5),
  mode TEXT NOT NULL CHECK (mode IN ('cyclic', 'hysteresis')),
  period_ms INTEGER NOT NULL,  -- of sending, or of checking for changes
  PRIMARY KEY (connector, section)
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

-- What rollouts gave the connectors.
CREATE TABLE identity (
  connector TEXT PRIMARY KEY NOT NULL,
  gateway_id TEXT NOT NULL,
  customer_id TEXT NOT NULL,
  data_broker_url TEXT NOT NULL,
  data_broker_qos INTEGER NOT NULL CHECK (data_broker_qos BETWEEN -1 AND 2)  -- -1: none given
) STRICT;

CREATE TABLE support_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us INTEGER NOT NULL,
  source TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;
)sql"},
    {2, "changes on probation", R"sql(
-- Changes of a connector's own settings that came through itself, oldest first.
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

-- Of pending ones: the ISP database as it comes back. A text of its own, since
-- a revision may be forgotten meanwhile, and changes from elsewhere stay.
CREATE TABLE probation_body (
  position INTEGER NOT NULL REFERENCES probation (position) ON DELETE CASCADE,
  part INTEGER NOT NULL,
  parent TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (position, part)
) STRICT;
)sql"},
    {3, "factory resets", R"sql(
CREATE TABLE factory (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL  -- how many resets there were
) STRICT;
INSERT INTO factory (id, epoch) VALUES (1, 0);
)sql"},
    {4, "a log of messages each for support, events, jobs and logins", R"sql(
CREATE TABLE message (
  log TEXT NOT NULL,
  id INTEGER NOT NULL,  -- counts up in each log; also entries that are gone
  at_us INTEGER NOT NULL,
  source TEXT NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (log, id)
) STRICT, WITHOUT ROWID;
INSERT INTO message (log, id, at_us, source, message)
  SELECT 'SupportLog', id, at_us, source, message FROM support_log;
DROP TABLE support_log;
)sql"},
    {5, "what tells that a revision is whole", R"sql(
-- Of all databases as they are with it (DigestOf); '': of before this column.
ALTER TABLE revision ADD COLUMN digest TEXT NOT NULL DEFAULT '';
)sql"},
    {6, "what tells that the settings before a probation are whole", R"sql(
-- Of its probation_body (DigestOf); '': of before this column.
ALTER TABLE probation ADD COLUMN digest TEXT NOT NULL DEFAULT '';
)sql"},
};

}  // namespace

absl::Span<const sqlite::Migration> Migrations() { return kMigrations; }

}  // namespace fieldgate::config_store
