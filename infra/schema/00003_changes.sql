-- +goose Up
-- How what changed since then is found, by reconcile-views.
CREATE INDEX talents_by_change ON talents (changed_ms, talent_id);

-- +goose Down
DROP INDEX talents_by_change;
