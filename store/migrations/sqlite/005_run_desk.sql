-- A run that another hog_flows API has accepted: the id of its job there; while it is running,
-- available_at is when to ask about it next.
ALTER TABLE runs ADD COLUMN remote_id TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_tracked ON runs (executor, available_at)
  WHERE status = 'running' AND available_at IS NOT NULL;
-- Wished to be cancelled while it was with its executor, and by which revision that was written.
ALTER TABLE runs ADD COLUMN cancel_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN cancel_revision INTEGER;
CREATE INDEX runs_to_cancel ON runs (cancel_revision) WHERE cancel_revision IS NOT NULL;
