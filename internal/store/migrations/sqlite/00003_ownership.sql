-- +goose Up

ALTER TABLE servers ADD COLUMN adopt boolean NOT NULL DEFAULT false;
ALTER TABLE servers ADD COLUMN registration_on_missing text NOT NULL DEFAULT '';
ALTER TABLE servers ADD COLUMN registration_on_missing_cap integer NOT NULL DEFAULT 0;

ALTER TABLE repositories ADD COLUMN served_publication text NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN set_version text NOT NULL DEFAULT ''; -- that we last made it serve
ALTER TABLE repositories ADD COLUMN base_path text NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN packages integer NOT NULL DEFAULT -1; -- -1: not counted
ALTER TABLE repositories ADD COLUMN packages_version text NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN owned boolean NOT NULL DEFAULT false;
ALTER TABLE repositories ADD COLUMN drift text NOT NULL DEFAULT ''; -- one line each
ALTER TABLE repositories ADD COLUMN drift_date timestamp;
ALTER TABLE repositories ADD COLUMN unwanted timestamp; -- since when

-- How we last left each object on a server.
CREATE TABLE baselines (
    server_id integer NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    noun text NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    href text NOT NULL,
    fields text NOT NULL, -- JSON, without secrets
    PRIMARY KEY (server_id, name, noun)
);

-- What somebody else made and waits to become ours.
CREATE TABLE adoptions (
    server_id integer NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    name text NOT NULL,
    type text NOT NULL,
    hrefs text NOT NULL, -- one line each
    changes text NOT NULL, -- one line each
    noticed timestamp NOT NULL,
    PRIMARY KEY (server_id, name)
);

-- +goose Down
DROP TABLE adoptions;
DROP TABLE baselines;
ALTER TABLE repositories DROP COLUMN unwanted;
ALTER TABLE repositories DROP COLUMN drift_date;
ALTER TABLE repositories DROP COLUMN drift;
ALTER TABLE repositories DROP COLUMN owned;
ALTER TABLE repositories DROP COLUMN packages_version;
ALTER TABLE repositories DROP COLUMN packages;
ALTER TABLE repositories DROP COLUMN base_path;
ALTER TABLE repositories DROP COLUMN set_version;
ALTER TABLE repositories DROP COLUMN served_publication;
ALTER TABLE servers DROP COLUMN registration_on_missing_cap;
ALTER TABLE servers DROP COLUMN registration_on_missing;
ALTER TABLE servers DROP COLUMN adopt;
