-- +goose Up

-- Times are UTC texts, most significant part first, so they compare as times do. Ids are never given twice (AUTOINCREMENT).
CREATE TABLE servers (
    id integer PRIMARY KEY AUTOINCREMENT,
    name text NOT NULL,
    username text NOT NULL,
    credential_mount text NOT NULL,
    password_ref text NOT NULL,
    url text NOT NULL,
    content_origin text NOT NULL,
    mirror_url text NOT NULL,
    domain text NOT NULL,
    description text NOT NULL,
    snapshot_supported boolean NOT NULL,
    max_concurrent_snapshots integer NOT NULL,
    registered boolean NOT NULL, -- whether the four below mean anything
    registration_schedule text NOT NULL,
    registration_max_runtime text NOT NULL,
    registration_include text NOT NULL,
    registration_exclude text NOT NULL,
    health text NOT NULL DEFAULT '',
    health_date timestamp,
    removed timestamp, -- a tombstone: since when it is not in the configuration
    date_created timestamp NOT NULL,
    date_last_updated timestamp NOT NULL
);
CREATE UNIQUE INDEX servers_name ON servers (name);
CREATE INDEX servers_health ON servers (health, id);

CREATE TABLE repo_groups (
    id integer PRIMARY KEY AUTOINCREMENT,
    name text NOT NULL,
    include text NOT NULL,
    exclude text NOT NULL,
    date_created timestamp NOT NULL,
    date_last_updated timestamp NOT NULL
);
CREATE UNIQUE INDEX repo_groups_name ON repo_groups (name);

CREATE TABLE server_groups (
    server_id integer NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    group_id integer NOT NULL REFERENCES repo_groups (id) ON DELETE CASCADE,
    primary_server text NOT NULL, -- name of the server to mirror from
    schedule text NOT NULL,
    max_concurrent_syncs integer NOT NULL,
    max_runtime text NOT NULL,
    date_created timestamp NOT NULL,
    date_last_updated timestamp NOT NULL,
    PRIMARY KEY (server_id, group_id)
);
CREATE INDEX server_groups_group ON server_groups (group_id);

-- One row a name over all servers: its id is the API's repo_id.
CREATE TABLE repository_names (
    id integer PRIMARY KEY AUTOINCREMENT,
    name text NOT NULL
);
CREATE UNIQUE INDEX repository_names_name ON repository_names (name);

CREATE TABLE repositories (
    id integer PRIMARY KEY AUTOINCREMENT,
    server_id integer NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    name_id integer NOT NULL REFERENCES repository_names (id),
    type text NOT NULL,
    href text NOT NULL,
    remote_href text NOT NULL,
    remote_feed text NOT NULL,
    distribution_href text NOT NULL,
    latest_version text NOT NULL,
    served_version text NOT NULL,
    health text NOT NULL DEFAULT '',
    health_date timestamp,
    last_attempt timestamp,
    last_attempt_state text NOT NULL DEFAULT '',
    last_success timestamp,
    missing timestamp, -- since when the server lacks it
    date_created timestamp NOT NULL,
    date_last_updated timestamp NOT NULL
);
CREATE UNIQUE INDEX repositories_server_name ON repositories (server_id, name_id);
CREATE INDEX repositories_name ON repositories (name_id);
CREATE INDEX repositories_health ON repositories (server_id, health, id);
CREATE INDEX repositories_type ON repositories (server_id, type, id);

CREATE TABLE tasks (
    id integer PRIMARY KEY AUTOINCREMENT,
    name text NOT NULL,
    parent_id integer REFERENCES tasks (id) ON DELETE CASCADE,
    root_id integer REFERENCES tasks (id) ON DELETE CASCADE, -- null: it is a root
    ordinal integer NOT NULL DEFAULT 0, -- place among its parent's children
    kind text NOT NULL,
    args text NOT NULL,
    state text NOT NULL,
    error text,
    server_id integer REFERENCES servers (id),
    repository_id integer REFERENCES repositories (id),
    schedule_id integer, -- schedules come and go
    retry_of integer REFERENCES tasks (id) ON DELETE SET NULL,
    max_runtime integer NOT NULL, -- nanoseconds; -1: unlimited
    date_queued timestamp NOT NULL,
    date_started timestamp,
    date_finished timestamp,
    worker_name text NOT NULL DEFAULT '',
    worker_job_id text NOT NULL DEFAULT '',
    job_id integer, -- the engine's newest job for it
    lease_owner text,
    lease_epoch integer NOT NULL DEFAULT 0,
    lease_until timestamp, -- until when nobody else starts on it
    cancel_requested timestamp,
    cancel_confirmed timestamp,
    date_created timestamp NOT NULL,
    date_last_updated timestamp NOT NULL
);
CREATE UNIQUE INDEX tasks_child ON tasks (parent_id, ordinal) WHERE parent_id IS NOT NULL;
CREATE INDEX tasks_parent ON tasks (parent_id, id);
CREATE INDEX tasks_root ON tasks (root_id);
CREATE INDEX tasks_name ON tasks (name, id);
CREATE INDEX tasks_kind ON tasks (kind, id);
CREATE INDEX tasks_state ON tasks (state, id);
CREATE INDEX tasks_server ON tasks (server_id, id);
CREATE INDEX tasks_repository ON tasks (repository_id, id);
CREATE INDEX tasks_schedule ON tasks (schedule_id, id);
CREATE INDEX tasks_retry_of ON tasks (retry_of);
CREATE INDEX tasks_worker_name ON tasks (worker_name, id);
CREATE INDEX tasks_worker_job_id ON tasks (worker_job_id, id);
CREATE INDEX tasks_date_queued ON tasks (date_queued, id);
CREATE INDEX tasks_date_started ON tasks (date_started, id);
CREATE INDEX tasks_date_finished ON tasks (date_finished, id);
CREATE INDEX tasks_unfinished ON tasks (id) WHERE parent_id IS NULL AND state IN ('queued', 'running');
CREATE INDEX tasks_lease_owner ON tasks (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX tasks_unconfirmed ON tasks (id) WHERE cancel_requested IS NOT NULL AND cancel_confirmed IS NULL;

CREATE TABLE task_stages (
    id integer PRIMARY KEY AUTOINCREMENT,
    task_id integer NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    name text NOT NULL,
    state text NOT NULL,
    detail text,
    error text,
    result text,
    date_created timestamp NOT NULL,
    date_last_updated timestamp NOT NULL
);
CREATE UNIQUE INDEX task_stages_name ON task_stages (task_id, name);

CREATE TABLE pulp_requests (
    id integer PRIMARY KEY AUTOINCREMENT,
    task_id integer NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    stage_id integer NOT NULL REFERENCES task_stages (id) ON DELETE CASCADE,
    server_id integer NOT NULL REFERENCES servers (id),
    step text NOT NULL,
    attempt integer NOT NULL,
    correlation text NOT NULL,
    sent timestamp NOT NULL,
    href text NOT NULL,
    state text NOT NULL,
    outcome text
);
CREATE UNIQUE INDEX pulp_requests_attempt ON pulp_requests (stage_id, step, attempt);
CREATE INDEX pulp_requests_task ON pulp_requests (task_id);
CREATE INDEX pulp_requests_server ON pulp_requests (server_id);
CREATE INDEX pulp_requests_open ON pulp_requests (task_id) WHERE state = 'open';

CREATE TABLE repository_locks (
    server_id integer NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    repository text NOT NULL,
    task_id integer NOT NULL REFERENCES tasks (id) ON DELETE CASCADE, -- root task that holds it
    pulp_task text NOT NULL,
    since timestamp NOT NULL,
    PRIMARY KEY (server_id, repository)
);
CREATE INDEX repository_locks_task ON repository_locks (task_id);

CREATE TABLE schedules (
    id integer PRIMARY KEY AUTOINCREMENT,
    server_id integer NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    group_id integer REFERENCES repo_groups (id) ON DELETE CASCADE, -- null: the server's registration
    kind text NOT NULL,
    cron text NOT NULL,
    task_name text NOT NULL,
    args text NOT NULL,
    max_runtime integer NOT NULL,
    next_run timestamp,
    last_run timestamp,
    last_task_id integer REFERENCES tasks (id) ON DELETE SET NULL,
    last_outcome text NOT NULL DEFAULT '',
    date_created timestamp NOT NULL,
    date_last_updated timestamp NOT NULL
);
CREATE UNIQUE INDEX schedules_target ON schedules (server_id, (coalesce(group_id, 0)));
CREATE INDEX schedules_group ON schedules (group_id);
CREATE INDEX schedules_last_task ON schedules (last_task_id);
CREATE INDEX schedules_next_run ON schedules (next_run);

-- At most one row: the configuration in force.
CREATE TABLE configuration (
    id integer PRIMARY KEY CHECK (id = 1),
    hash text NOT NULL,
    applied timestamp NOT NULL
);

CREATE TABLE fingerprints (
    server_id integer NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    key text NOT NULL, -- remote name/field
    fingerprint text NOT NULL,
    PRIMARY KEY (server_id, key)
);

-- +goose Down
DROP TABLE fingerprints;
DROP TABLE configuration;
DROP TABLE schedules;
DROP TABLE repository_locks;
DROP TABLE pulp_requests;
DROP TABLE task_stages;
DROP TABLE tasks;
DROP TABLE repositories;
DROP TABLE repository_names;
DROP TABLE server_groups;
DROP TABLE repo_groups;
DROP TABLE servers;
