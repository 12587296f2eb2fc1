-- A run that another hog_flows API has accepted: the id of its job there; while it is running,
-- available_at is when to ask about it next.
ALTER TABLE runs ADD COLUMN remote_id text NOT NULL DEFAULT '';
CREATE INDEX incomplete_tracked ON incomplete_runs (executor, available_at)
  WHERE status = 'running' AND available_at IS NOT NULL;
-- Wished to be cancelled while it was with its executor, and by which revision that was written.
ALTER TABLE runs ADD COLUMN cancel_reason text NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN cancel_revision bigint;
-- Neither of its columns changes when a run ends: it stays in its page.
CREATE INDEX runs_to_cancel ON runs (cancel_revision) WHERE cancel_revision IS NOT NULL;

DROP VIEW run_rows;
CREATE VIEW run_rows AS
  SELECT r.*, b.flow_name, b.variables, b.body FROM runs r JOIN run_bodies b ON b.run = r.number;
