-- +goose Up

-- The processes that share this database, as they tell of themselves.
CREATE TABLE processes (
    id integer PRIMARY KEY AUTOINCREMENT,
    owner text NOT NULL UNIQUE,
    host text NOT NULL,
    pid integer NOT NULL,
    roles text NOT NULL,
    version text NOT NULL,
    started timestamp NOT NULL,
    last_seen timestamp NOT NULL
);
CREATE INDEX processes_last_seen ON processes (last_seen);

-- +goose Down
DROP TABLE processes;
