-- +goose Up

-- What is wrong, or was until lately.
CREATE TABLE notices (
    id integer PRIMARY KEY AUTOINCREMENT,
    key text NOT NULL,
    source text NOT NULL,
    server_id integer, -- no reference: a notice may outlive what it is about
    kind text NOT NULL,
    name text NOT NULL,
    task_id integer,
    schedule_id integer,
    reason text NOT NULL,
    hint text NOT NULL,
    since timestamp NOT NULL,
    last timestamp NOT NULL,
    opened timestamp NOT NULL,
    closed timestamp, -- null: it is still wrong
    recovered boolean NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX notices_open ON notices (key) WHERE closed IS NULL;
CREATE INDEX notices_closed ON notices (closed) WHERE closed IS NOT NULL;

-- What each receiver was told of it last.
CREATE TABLE notices_told (
    notice_id integer NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    receiver text NOT NULL,
    event text NOT NULL,
    at timestamp NOT NULL,
    PRIMARY KEY (notice_id, receiver)
);

-- How deliveries go.
CREATE TABLE notice_receivers (
    name text PRIMARY KEY,
    attempts integer NOT NULL DEFAULT 0, -- that failed since one did not
    failing timestamp,
    next timestamp,
    delivered timestamp,
    problem text NOT NULL DEFAULT ''
);

-- At most one row: whose turn it is, and up to when ended tasks were looked at.
CREATE TABLE notice_looks (
    id integer PRIMARY KEY CHECK (id = 1),
    due timestamp NOT NULL, -- not before
    looked timestamp
);
INSERT INTO notice_looks (id, due) VALUES (1, '2000-01-01 00:00:00+00:00');

-- +goose Down
DROP TABLE notice_looks;
DROP TABLE notice_receivers;
DROP TABLE notices_told;
DROP TABLE notices;
