-- +goose Up

-- A repository's name beside its id, so that a server's repositories are read in the order of their names. A name never changes.
ALTER TABLE repositories ADD COLUMN name text NOT NULL DEFAULT '';
UPDATE repositories SET name = (SELECT n.name FROM repository_names AS n WHERE n.id = repositories.name_id);
CREATE INDEX repositories_server_names ON repositories (server_id, name, missing, id);

-- For what the release before writes.
-- +goose StatementBegin
CREATE TRIGGER name_repository AFTER INSERT ON repositories FOR EACH ROW WHEN NEW.name = ''
BEGIN
    UPDATE repositories SET name = (SELECT n.name FROM repository_names AS n WHERE n.id = NEW.name_id) WHERE id = NEW.id;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER name_repository;
DROP INDEX repositories_server_names;
ALTER TABLE repositories DROP COLUMN name;
