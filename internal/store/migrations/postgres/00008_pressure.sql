-- +goose Up

-- Who syncs now, over all processes: one row for each bound (a server, an upstream host) and task. A row counts while its root task's lease lasts.
CREATE TABLE sync_slots (
    name text COLLATE "C" NOT NULL,
    task_id bigint NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    root_id bigint NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    since timestamptz NOT NULL,
    PRIMARY KEY (name, task_id)
);
CREATE INDEX sync_slots_task ON sync_slots (task_id);
CREATE INDEX sync_slots_root ON sync_slots (root_id);

-- How each server was when it was looked at last.
CREATE TABLE server_states (
    server_id bigint PRIMARY KEY REFERENCES servers (id) ON DELETE CASCADE,
    next_probe timestamptz NOT NULL, -- when it is to be looked at again: whoever moves it on looks
    checked timestamptz, -- null: not yet
    reachable boolean NOT NULL DEFAULT false,
    since timestamptz, -- since when it is reachable, or is not
    problem text COLLATE "C" NOT NULL DEFAULT '',
    versions text COLLATE "C" NOT NULL DEFAULT '', -- JSON, by component
    workers integer NOT NULL DEFAULT 0,
    idle_since timestamptz, -- since when it has no worker; null: it has some
    tasks_waiting integer NOT NULL DEFAULT 0,
    tasks_running integer NOT NULL DEFAULT 0,
    oldest_waiting timestamptz,
    storage_total bigint,
    storage_used bigint,
    storage_free bigint,
    response_time bigint NOT NULL DEFAULT 0 -- nanoseconds
);

-- How each process gets on with the servers that it uses now.
CREATE TABLE server_uses (
    server_id bigint NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    process text COLLATE "C" NOT NULL,
    breaker text COLLATE "C" NOT NULL,
    since timestamptz, -- since when the breaker is open
    why text COLLATE "C" NOT NULL,
    waiting integer NOT NULL, -- tasks that wait for the server
    syncs integer NOT NULL, -- that go on there now
    concurrency integer NOT NULL, -- how many may
    updated timestamptz NOT NULL,
    PRIMARY KEY (server_id, process)
);
CREATE INDEX server_uses_process ON server_uses (process);

-- +goose Down
DROP TABLE server_uses;
DROP TABLE server_states;
DROP TABLE sync_slots;
