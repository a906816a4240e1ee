-- +goose Up

-- Who syncs now, over all processes: one row for each bound (a server, an upstream host) and task. A row counts while its root task's lease lasts.
CREATE TABLE sync_slots (
    name text NOT NULL,
    task_id integer NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    root_id integer NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    since timestamp NOT NULL,
    PRIMARY KEY (name, task_id)
);
CREATE INDEX sync_slots_task ON sync_slots (task_id);
CREATE INDEX sync_slots_root ON sync_slots (root_id);

-- How each server was when it was looked at last.
CREATE TABLE server_states (
    server_id integer PRIMARY KEY REFERENCES servers (id) ON DELETE CASCADE,
    next_probe timestamp NOT NULL, -- when it is to be looked at again: whoever moves it on looks
    checked timestamp, -- null: not yet
    reachable boolean NOT NULL DEFAULT false,
    since timestamp, -- since when it is reachable, or is not
    problem text NOT NULL DEFAULT '',
    versions text NOT NULL DEFAULT '', -- JSON, by component
    workers integer NOT NULL DEFAULT 0,
    idle_since timestamp, -- since when it has no worker; null: it has some
    tasks_waiting integer NOT NULL DEFAULT 0,
    tasks_running integer NOT NULL DEFAULT 0,
    oldest_waiting timestamp,
    storage_total integer,
    storage_used integer,
    storage_free integer,
    response_time integer NOT NULL DEFAULT 0 -- nanoseconds
);

-- How each process gets on with the servers that it uses now.
CREATE TABLE server_uses (
    server_id integer NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    process text NOT NULL,
    breaker text NOT NULL,
    since timestamp, -- since when the breaker is open
    why text NOT NULL,
    waiting integer NOT NULL, -- tasks that wait for the server
    syncs integer NOT NULL, -- that go on there now
    concurrency integer NOT NULL, -- how many may
    updated timestamp NOT NULL,
    PRIMARY KEY (server_id, process)
);
CREATE INDEX server_uses_process ON server_uses (process);

-- +goose Down
DROP TABLE server_uses;
DROP TABLE server_states;
DROP TABLE sync_slots;
