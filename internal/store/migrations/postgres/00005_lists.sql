-- +goose Up

-- For lists and totals of the repositories that are there, on one server and on all: each has all that counting needs, and keeps
-- the order of ids where it can.
CREATE INDEX repositories_on_server ON repositories (server_id, id, name_id) WHERE missing IS NULL;
CREATE INDEX repositories_by_name ON repositories (name_id, server_id) WHERE missing IS NULL;
CREATE INDEX repositories_by_health ON repositories (health, id, server_id) WHERE missing IS NULL;
CREATE INDEX repositories_by_type ON repositories (type, id, server_id) WHERE missing IS NULL;
CREATE INDEX repositories_server_health ON repositories (server_id, health, id) WHERE missing IS NULL;
CREATE INDEX repositories_server_type ON repositories (server_id, type, id) WHERE missing IS NULL;
CREATE INDEX repositories_missing ON repositories (missing) WHERE missing IS NOT NULL;
DROP INDEX repositories_name;
DROP INDEX repositories_health;
DROP INDEX repositories_type;

CREATE INDEX tasks_parent_state ON tasks (parent_id, state);

-- Texts that lists sort by are compared byte by byte, as on SQLite.
ALTER TABLE repositories ALTER COLUMN latest_version TYPE text COLLATE "C", ALTER COLUMN served_version TYPE text COLLATE "C";
ALTER TABLE schedules ALTER COLUMN cron TYPE text COLLATE "C", ALTER COLUMN task_name TYPE text COLLATE "C", ALTER COLUMN last_outcome TYPE text COLLATE "C";

-- +goose Down
ALTER TABLE schedules ALTER COLUMN cron TYPE text COLLATE "default", ALTER COLUMN task_name TYPE text COLLATE "default", ALTER COLUMN last_outcome TYPE text COLLATE "default";
ALTER TABLE repositories ALTER COLUMN latest_version TYPE text COLLATE "default", ALTER COLUMN served_version TYPE text COLLATE "default";
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
