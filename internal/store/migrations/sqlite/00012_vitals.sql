-- +goose Up

-- What a server told of its own connections when it was looked at last; null: nothing.
ALTER TABLE server_states ADD COLUMN database_connected boolean;
ALTER TABLE server_states ADD COLUMN redis_connected boolean;

-- For counting the tasks of a day by server and state: it has all that counting needs.
CREATE INDEX tasks_day ON tasks (server_id, state, date_queued);

-- +goose Down
DROP INDEX tasks_day;
ALTER TABLE server_states DROP COLUMN redis_connected;
ALTER TABLE server_states DROP COLUMN database_connected;
