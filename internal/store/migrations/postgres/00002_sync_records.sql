-- +goose Up

-- What the last wholly successful sync of a repository was made from. Forgotten before the next one is asked for.
CREATE TABLE sync_records (
    repository_id bigint PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    source text COLLATE "C" NOT NULL, -- JSON: what the primary served, or the upstream's files
    options text COLLATE "C" NOT NULL, -- hash
    fields text COLLATE "C" NOT NULL, -- hash
    version text COLLATE "C" NOT NULL,
    publication text COLLATE "C" NOT NULL,
    synced timestamptz NOT NULL
);

-- +goose Down
DROP TABLE sync_records;
