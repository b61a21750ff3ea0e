-- What a credential may do: admin, editor, ingest, lake-read or viewer.
ALTER TABLE credential ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';

-- Public keys of clients that sign their own tokens (RSA, PEM). While a credential has one, such a token must fit one.
CREATE TABLE credential_key (
  client_id  TEXT NOT NULL REFERENCES credential (client_id),
  pem        TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (client_id, pem)
);
