-- Lists are read in their order, from where the last page ended. The state is at the end of each index so that a list of one
-- state passes over the others without reading them.
DROP INDEX resource_name;
CREATE INDEX resource_name ON resource (sandbox, kind, name, no, state);
CREATE INDEX resource_created ON resource (sandbox, kind, created_ms, no, state);
CREATE INDEX resource_updated ON resource (sandbox, kind, updated_ms, no, state);
CREATE INDEX resource_state ON resource (sandbox, kind, state, no);
