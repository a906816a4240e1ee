-- +goose Up

-- What is told about a task beside its state; most have no row. A table of its own, because the release before reads whole rows of tasks.
CREATE TABLE task_notes (
    task_id integer PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    retries integer NOT NULL DEFAULT 0, -- how often it was begun again because something did not answer
    next_attempt timestamp, -- when it goes on; null: it does not wait
    retry_reason text NOT NULL DEFAULT '',
    waiting_for text NOT NULL DEFAULT '', -- what takes long, or what of it Pulp has not ended
    done_in integer -- the task whose work counts for this one
);

-- A task is tried again by one other at a time, so that tries make a chain.
CREATE UNIQUE INDEX tasks_retried_once ON tasks (retry_of) WHERE retry_of IS NOT NULL AND parent_id IS NULL;

-- +goose Down
DROP INDEX tasks_retried_once;
DROP TABLE task_notes;
