-- +goose Up

-- A repository's name beside its id, so that a server's repositories are read in the order of their names. A name never changes.
ALTER TABLE repositories ADD COLUMN name text COLLATE "C" NOT NULL DEFAULT '';
UPDATE repositories SET name = (SELECT n.name FROM repository_names AS n WHERE n.id = repositories.name_id);
CREATE INDEX repositories_server_names ON repositories (server_id, name, id) WHERE missing IS NULL;

-- For what the release before writes.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION name_repository() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT n.name INTO NEW.name FROM repository_names AS n WHERE n.id = NEW.name_id;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER name_repository BEFORE INSERT ON repositories FOR EACH ROW WHEN (NEW.name = '') EXECUTE FUNCTION name_repository();

-- +goose Down
DROP TRIGGER name_repository ON repositories;
DROP FUNCTION name_repository();
DROP INDEX repositories_server_names;
ALTER TABLE repositories DROP COLUMN name;
