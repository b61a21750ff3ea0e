-- Records with warnings of their mapping: by flow, hour, version of the mapping set, position of the item and code. `item` is
-- -1 for what concerns the whole record. The row with the empty mapping set is of the items that an hour had no row left for.
-- `samples` is a JSON array of the newest few records.
CREATE TABLE mapping_warning (
  sandbox     INTEGER NOT NULL,
  flow_id     TEXT NOT NULL,
  hour_ms     INTEGER NOT NULL,
  mapping_set TEXT NOT NULL,
  version     INTEGER NOT NULL,
  item        INTEGER NOT NULL,
  code        TEXT NOT NULL,
  records     INTEGER NOT NULL,
  samples     TEXT NOT NULL,
  PRIMARY KEY (sandbox, flow_id, hour_ms, mapping_set, version, item, code)
) WITHOUT ROWID;
