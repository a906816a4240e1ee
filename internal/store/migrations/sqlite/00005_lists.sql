-- +goose Up

-- For lists and totals of the repositories that are there, on one server and on all: each has all that counting needs, and keeps
-- the order of ids where it can. Partial indexes would cover nothing: SQLite looks at `missing` again.
CREATE INDEX repositories_on_server ON repositories (server_id, missing, id, name_id);
CREATE INDEX repositories_by_name ON repositories (name_id, missing, server_id);
CREATE INDEX repositories_by_health ON repositories (health, missing, id, server_id);
CREATE INDEX repositories_by_type ON repositories (type, missing, id, server_id);
CREATE INDEX repositories_server_health ON repositories (server_id, health, missing, id);
CREATE INDEX repositories_server_type ON repositories (server_id, type, missing, id);
CREATE INDEX repositories_missing ON repositories (missing) WHERE missing IS NOT NULL;
DROP INDEX repositories_name;
DROP INDEX repositories_health;
DROP INDEX repositories_type;

CREATE INDEX tasks_parent_state ON tasks (parent_id, state);

-- +goose Down
DROP INDEX tasks_parent_state;
CREATE INDEX repositories_type ON repositories (server_id, type, id);
CREATE INDEX repositories_health ON repositories (server_id, health, id);
CREATE INDEX repositories_name ON repositories (name_id);
DROP INDEX repositories_missing;
DROP INDEX repositories_server_type;
DROP INDEX repositories_server_health;
DROP INDEX repositories_by_type;
DROP INDEX repositories_by_health;
DROP INDEX repositories_by_name;
DROP INDEX repositories_on_server;
