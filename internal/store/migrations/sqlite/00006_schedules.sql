-- +goose Up

-- How a schedule deals with time: every column has a default, so that the release before goes on writing its own.
ALTER TABLE schedules ADD COLUMN jitter integer NOT NULL DEFAULT 0; -- nanoseconds
ALTER TABLE schedules ADD COLUMN overlap text NOT NULL DEFAULT 'skip';
ALTER TABLE schedules ADD COLUMN missed text NOT NULL DEFAULT 'once';
ALTER TABLE schedules ADD COLUMN blackouts text NOT NULL DEFAULT ''; -- windows, one a line
ALTER TABLE schedules ADD COLUMN next_due timestamp;
ALTER TABLE schedules ADD COLUMN last_due timestamp;
ALTER TABLE schedules ADD COLUMN waiting_task_id integer; -- begins when last_task_id is over
ALTER TABLE schedules ADD COLUMN paused_at timestamp;
ALTER TABLE schedules ADD COLUMN paused_until timestamp; -- null: until it is resumed
ALTER TABLE schedules ADD COLUMN pause_reason text NOT NULL DEFAULT '';
ALTER TABLE schedules ADD COLUMN paused_by text NOT NULL DEFAULT '';
CREATE INDEX schedules_waiting ON schedules (waiting_task_id) WHERE waiting_task_id IS NOT NULL;
CREATE INDEX schedules_paused_until ON schedules (paused_until) WHERE paused_until IS NOT NULL;

-- +goose Down
DROP INDEX schedules_paused_until;
DROP INDEX schedules_waiting;
ALTER TABLE schedules DROP COLUMN paused_by;
ALTER TABLE schedules DROP COLUMN pause_reason;
ALTER TABLE schedules DROP COLUMN paused_until;
ALTER TABLE schedules DROP COLUMN paused_at;
ALTER TABLE schedules DROP COLUMN waiting_task_id;
ALTER TABLE schedules DROP COLUMN last_due;
ALTER TABLE schedules DROP COLUMN next_due;
ALTER TABLE schedules DROP COLUMN blackouts;
ALTER TABLE schedules DROP COLUMN missed;
ALTER TABLE schedules DROP COLUMN overlap;
ALTER TABLE schedules DROP COLUMN jitter;
