-- +goose Up

-- Logins that were ended before their time, until then.
CREATE TABLE revoked_tokens (
    token_id text PRIMARY KEY,
    user_name text NOT NULL,
    until timestamp NOT NULL
);
CREATE INDEX revoked_tokens_until ON revoked_tokens (until);

-- Failed logins since the last success. Keys say nothing about whom: they are hashes.
CREATE TABLE login_failures (
    key text PRIMARY KEY,
    failures integer NOT NULL,
    last_failure timestamp NOT NULL
);
CREATE INDEX login_failures_last ON login_failures (last_failure);

-- Who changed what. It outlives servers and tasks, so it refers to none.
CREATE TABLE audit (
    id integer PRIMARY KEY AUTOINCREMENT,
    date timestamp NOT NULL,
    user_name text NOT NULL,
    role text NOT NULL,
    address text NOT NULL,
    action text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    status integer NOT NULL,
    server_id integer,
    task_id integer,
    request_id text NOT NULL,
    detail text NOT NULL
);
CREATE INDEX audit_date ON audit (date, id);
CREATE INDEX audit_user ON audit (user_name, id);
CREATE INDEX audit_role ON audit (role, id);
CREATE INDEX audit_address ON audit (address, id);
CREATE INDEX audit_action ON audit (action, id);
CREATE INDEX audit_method ON audit (method, id);
CREATE INDEX audit_path ON audit (path, id);
CREATE INDEX audit_status ON audit (status, id);
CREATE INDEX audit_server ON audit (server_id, id);
CREATE INDEX audit_task ON audit (task_id, id);
CREATE INDEX audit_request ON audit (request_id, id);

-- +goose Down
DROP TABLE audit;
DROP TABLE login_failures;
DROP TABLE revoked_tokens;
