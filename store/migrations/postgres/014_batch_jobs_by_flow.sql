-- A flow's batch jobs, among their children. By itself: who ends a run locks `runs` first, and then
-- incomplete_runs.
CREATE INDEX runs_batch_jobs ON runs (flow_id, due_at, id) WHERE kind = 'batch_job';
