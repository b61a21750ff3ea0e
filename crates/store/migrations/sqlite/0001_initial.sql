-- Ids are TEXT, times are INTEGER milliseconds since 1970 (UTC), documents are JSON in TEXT.
-- Every row of a tenant carries its sandbox number; a sandbox belongs to one org.

-- Small numbers that stand for ids in journal frames and rows. Given once, never reused.
CREATE TABLE number (
  no   INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  id   TEXT NOT NULL,
  UNIQUE (kind, id)
);

CREATE TABLE org (
  id         TEXT PRIMARY KEY,
  tenant     TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL
);

CREATE TABLE sandbox (
  no         INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  org        TEXT NOT NULL REFERENCES org (id),
  name       TEXT NOT NULL,
  title      TEXT NOT NULL,
  type       TEXT NOT NULL,
  state      TEXT NOT NULL,
  is_default INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  rev        INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  UNIQUE (org, name)
);

-- A machine credential. Its sandbox is NULL when it may act in every sandbox of its org.
CREATE TABLE credential (
  client_id  TEXT PRIMARY KEY,
  org        TEXT NOT NULL REFERENCES org (id),
  sandbox    TEXT,
  account    TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  revoked_ms INTEGER
);

CREATE TABLE credential_secret (
  client_id  TEXT NOT NULL REFERENCES credential (client_id),
  salt       BLOB NOT NULL,
  hash       BLOB NOT NULL,
  created_ms INTEGER NOT NULL
);
CREATE INDEX credential_secret_client ON credential_secret (client_id);

-- Every object of the control plane: kind is connections, sourceConnections, targetConnections, flows, dataSets,
-- mappingSets, schemas, classes, fieldgroups, datatypes or descriptors. `doc` holds what the client sent, normalised.
CREATE TABLE resource (
  sandbox        INTEGER NOT NULL REFERENCES sandbox (no),
  kind           TEXT NOT NULL,
  id             TEXT NOT NULL,
  no             INTEGER NOT NULL,
  name           TEXT NOT NULL,
  state          TEXT NOT NULL,
  rev            INTEGER NOT NULL,
  created_ms     INTEGER NOT NULL,
  updated_ms     INTEGER NOT NULL,
  created_by     TEXT NOT NULL,
  updated_by     TEXT NOT NULL,
  created_client TEXT NOT NULL,
  updated_client TEXT NOT NULL,
  doc            TEXT NOT NULL,
  PRIMARY KEY (sandbox, kind, id)
);
CREATE UNIQUE INDEX resource_no ON resource (no);
CREATE INDEX resource_name ON resource (sandbox, kind, name);

-- Who uses whom: a row for each reference from one resource to another.
CREATE TABLE reference (
  sandbox   INTEGER NOT NULL,
  from_kind TEXT NOT NULL,
  from_id   TEXT NOT NULL,
  to_kind   TEXT NOT NULL,
  to_id     TEXT NOT NULL,
  PRIMARY KEY (sandbox, from_kind, from_id, to_kind, to_id)
) WITHOUT ROWID;
CREATE INDEX reference_to ON reference (sandbox, to_kind, to_id);

-- Old revisions that something still pins, such as mapping set versions.
CREATE TABLE revision (
  sandbox    INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  id         TEXT NOT NULL,
  version    INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  doc        TEXT NOT NULL,
  PRIMARY KEY (sandbox, kind, id, version)
) WITHOUT ROWID;

-- The tables of the lake: the two tables of the standard SQL catalogue, by their usual column names.
CREATE TABLE iceberg_namespace_properties (
  catalog_name   TEXT NOT NULL,
  namespace      TEXT NOT NULL,
  property_key   TEXT NOT NULL,
  property_value TEXT,
  PRIMARY KEY (catalog_name, namespace, property_key)
);
CREATE TABLE iceberg_tables (
  catalog_name               TEXT NOT NULL,
  table_namespace            TEXT NOT NULL,
  table_name                 TEXT NOT NULL,
  metadata_location          TEXT,
  previous_metadata_location TEXT,
  PRIMARY KEY (catalog_name, table_namespace, table_name)
);

-- The next journal offset of each dataset and partition, changed only in that dataset's commits.
CREATE TABLE applied (
  dataset     INTEGER NOT NULL,
  partition   INTEGER NOT NULL,
  next_offset INTEGER NOT NULL,
  PRIMARY KEY (dataset, partition)
) WITHOUT ROWID;

-- One row per journal and partition: its identity, and the first offset not yet committed by any dataset.
CREATE TABLE log (
  partition INTEGER PRIMARY KEY,
  epoch     INTEGER NOT NULL,
  low_water INTEGER NOT NULL
);

-- Catalog batches: per commit one `success`, and one `failed` when records failed.
CREATE TABLE batch (
  id           TEXT PRIMARY KEY,
  sandbox      INTEGER NOT NULL,
  dataset      INTEGER NOT NULL,
  dataset_id   TEXT NOT NULL,
  status       TEXT NOT NULL,
  partition    INTEGER NOT NULL,
  first_offset INTEGER NOT NULL,
  next_offset  INTEGER NOT NULL,
  read         INTEGER NOT NULL,
  written      INTEGER NOT NULL,
  failed       INTEGER NOT NULL,
  input_bytes  INTEGER NOT NULL,
  output_bytes INTEGER NOT NULL,
  snapshot     INTEGER,
  started_ms   INTEGER NOT NULL,
  completed_ms INTEGER NOT NULL,
  doc          TEXT NOT NULL
);
CREATE INDEX batch_sandbox ON batch (sandbox, completed_ms);
CREATE INDEX batch_dataset ON batch (dataset, completed_ms);

-- What became of the records of a flow, by hour. `outcome` is delivered, failed, or the reason of a skip.
CREATE TABLE outcome (
  sandbox  INTEGER NOT NULL,
  flow     INTEGER NOT NULL,
  dataset  INTEGER NOT NULL,
  hour_ms  INTEGER NOT NULL,
  outcome  TEXT NOT NULL,
  records  INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  PRIMARY KEY (sandbox, flow, dataset, hour_ms, outcome)
) WITHOUT ROWID;

-- Deleted resources that records still in the journal may need, by their number.
CREATE TABLE retired (
  no         INTEGER PRIMARY KEY,
  sandbox    INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  id         TEXT NOT NULL,
  deleted_ms INTEGER NOT NULL,
  doc        TEXT NOT NULL
);
