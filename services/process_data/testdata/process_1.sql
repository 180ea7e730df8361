-- process.db as version 1 left it.
CREATE TABLE variable (  name TEXT NOT NULL PRIMARY KEY,  float REAL,  integer INTEGER,  unsigned_bits INTEGER,  boolean INTEGER,  text TEXT) WITHOUT ROWID;
INSERT INTO variable VALUES ('Level', 23.5, NULL, NULL, NULL, NULL);
INSERT INTO variable VALUES ('Mode', NULL, NULL, NULL, NULL, 'auto');
PRAGMA user_version = 1;
