-- Flow runs are read from outcome: when a window last changed, and why records of it failed or were remarked on.
ALTER TABLE outcome ADD COLUMN updated_ms INTEGER NOT NULL DEFAULT 0;

-- Records of a flow by hour, what became of them (failed or warned) and the code that says why. The code is empty for the
-- number of records that have warnings at all.
CREATE TABLE outcome_reason (
  sandbox INTEGER NOT NULL,
  flow_id TEXT NOT NULL,
  hour_ms INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  code    TEXT NOT NULL,
  text    TEXT NOT NULL,
  records INTEGER NOT NULL,
  PRIMARY KEY (sandbox, flow_id, hour_ms, outcome, code)
) WITHOUT ROWID;
