-- +goose Up

-- What a server told of its own connections when it was looked at last; null: nothing.
ALTER TABLE server_states ADD COLUMN database_connected boolean;
ALTER TABLE server_states ADD COLUMN redis_connected boolean;

-- +goose Down
ALTER TABLE server_states DROP COLUMN redis_connected;
ALTER TABLE server_states DROP COLUMN database_connected;
