-- +goose Up

-- At most one row: which releases may work on the database. One that knows our tables up to `oldest` and the engine's up to `engine`
-- can, however new the database is. A migration that takes something away raises it; one that only adds does not.
CREATE TABLE compatibility (
    id integer PRIMARY KEY CHECK (id = 1),
    oldest integer NOT NULL,
    engine integer NOT NULL
);
INSERT INTO compatibility (id, oldest, engine) VALUES (1, 5, 8);

-- At most one row: when what is old was last removed, and what that was.
CREATE TABLE prunings (
    id integer PRIMARY KEY CHECK (id = 1),
    due timestamp NOT NULL, -- not before
    began timestamp,
    ended timestamp, -- the last one that went to its end
    failing timestamp, -- since when none does; null: it does
    problem text NOT NULL DEFAULT '',
    removed text NOT NULL DEFAULT '' -- JSON: rows by table
);
INSERT INTO prunings (id, due) VALUES (1, '2000-01-01 00:00:00+00:00');

-- +goose Down
DROP TABLE prunings;
DROP TABLE compatibility;
