-- What was changed, and who used which credential: one row for each change, written in the transaction of the change.
-- `org` and `sandbox` are NULL for what concerns no one org or sandbox. An etag is NULL when there is no such state.
CREATE TABLE audit (
  no          INTEGER PRIMARY KEY AUTOINCREMENT,
  time_ms     INTEGER NOT NULL,
  org         TEXT,
  sandbox     TEXT,
  user_id     TEXT NOT NULL,
  client_id   TEXT NOT NULL,
  action      TEXT NOT NULL,
  method      TEXT NOT NULL,
  kind        TEXT NOT NULL,
  id          TEXT NOT NULL,
  etag_before TEXT,
  etag_after  TEXT,
  request_id  TEXT NOT NULL
);
CREATE INDEX audit_object ON audit (id, no);

-- No program may change what was noted.
CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
