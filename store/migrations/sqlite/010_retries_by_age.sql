-- Retries whose time is over, among any number of runs that were never tried.
CREATE INDEX runs_retrying ON runs (started_at + retry_max_age) WHERE status = 'retrying';
-- A flow's batch jobs, among their children.
CREATE INDEX runs_batch_jobs ON runs (flow_id, due_at, id) WHERE kind = 'batch_job';
