-- Resources of the global container that were imported; they stand beside the built-in ones, or in place of those with the
-- same id. `doc` is the registry's own form, with the type of each field.
CREATE TABLE global_resource (
  id   TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  doc  TEXT NOT NULL
);

-- One row once something was imported: a new random mark with each change, by which readers know what they hold.
CREATE TABLE global_library (
  one  INTEGER PRIMARY KEY CHECK (one = 1),
  mark TEXT NOT NULL
);
