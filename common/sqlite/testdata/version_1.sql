-- A database as the first version of the program in sqlite_test.cc left it.
CREATE TABLE reading (id INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO reading (id, value) VALUES (1, 'old');
PRAGMA user_version=1;
