-- +goose Up

-- What the last wholly successful sync of a repository was made from. Forgotten before the next one is asked for.
CREATE TABLE sync_records (
    repository_id integer PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    source text NOT NULL, -- JSON: what the primary served, or the upstream's files
    options text NOT NULL, -- hash
    fields text NOT NULL, -- hash
    version text NOT NULL,
    publication text NOT NULL,
    synced timestamp NOT NULL
);

-- +goose Down
DROP TABLE sync_records;
