-- How often a dead letter was sent again in vain, and when last: one that was is no case for another try unchanged.

-- +goose Up
ALTER TABLE dead_letter ADD COLUMN redrives BIGINT NOT NULL DEFAULT 0;
ALTER TABLE dead_letter ADD COLUMN redriven_ms BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE dead_letter DROP COLUMN redriven_ms;
ALTER TABLE dead_letter DROP COLUMN redrives;
