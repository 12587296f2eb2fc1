-- What a fired run costs is what it writes: rows, and entries of indexes. So what moves is kept
-- apart from what stays, in narrow rows, and no index of the ledger has a column that changes: the
-- end of a run is written in the page of the run, and its indexes are left alone (HOT).

-- ---- Schedules: what a person wrote, and where it stands
ALTER TABLE schedules RENAME TO schedule_rules;
ALTER INDEX schedules_pkey RENAME TO schedule_rules_pkey;

-- A row for each of schedule_rules. Who settles locks this one alone; who writes the rules locks
-- both, by the view.
CREATE TABLE schedule_states (
  id uuid NOT NULL PRIMARY KEY,
  flow_id uuid NOT NULL,  -- of the rule
  status text NOT NULL CHECK (status IN ('active', 'paused', 'completed', 'error')),
  status_reason text NOT NULL,
  next_run_at bigint,
  next_due_at bigint,
  settled_to bigint,
  settled_wall bigint,
  version bigint NOT NULL,
  CHECK ((next_run_at IS NULL) = (next_due_at IS NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
INSERT INTO schedule_states
  SELECT id, flow_id, status, status_reason, next_run_at, next_due_at, settled_to, settled_wall,
         version
  FROM schedule_rules;
DROP INDEX schedules_due;
CREATE INDEX schedule_states_due ON schedule_states (next_due_at, id)
  WHERE status = 'active' AND next_due_at IS NOT NULL;
ALTER TABLE schedule_rules DROP COLUMN status, DROP COLUMN status_reason, DROP COLUMN next_run_at,
  DROP COLUMN next_due_at, DROP COLUMN settled_to, DROP COLUMN settled_wall, DROP COLUMN version;
-- Few of its rows change now.
ALTER TABLE schedule_rules SET (fillfactor = 95);
-- Whole rows, to read and to lock. A step that adds a column makes it anew. The id is that of the
-- state: with next_due_at it is a place in schedule_states_due, from which loading goes on.
CREATE VIEW schedules AS
  SELECT s.id, r.flow_id, r.project_id, r.rrule, r.starts_at, r.timezone, r.variables, r.note,
         r.paused_until, r.dst_gap, r.dst_fold, r.catchup, r.catchup_grace, r.catchup_window,
         r.overlap, r.max_running, r.jitter, r.late_after, r.retry_max_attempts,
         r.retry_min_backoff, r.retry_max_backoff, r.retry_max_age, r.timeout, r.executor,
         r.created_at, r.updated_at, r.revision, r.calendar, r.calendar_action,
         r.pause_after_failures, s.status, s.status_reason, s.next_run_at, s.next_due_at,
         s.settled_to, s.settled_wall, s.version
  FROM schedule_states s JOIN schedule_rules r ON r.id = s.id;

-- ---- Runs: texts that are frozen
CREATE TABLE run_bodies (
  run bigint NOT NULL PRIMARY KEY,  -- runs.number
  flow_name text NOT NULL,
  variables text NOT NULL,
  body text NOT NULL
);
INSERT INTO run_bodies SELECT number, flow_name, variables, body FROM runs;
ALTER TABLE runs DROP COLUMN flow_name, DROP COLUMN variables, DROP COLUMN body;
-- Half of each page is for the ends of the runs in it.
ALTER TABLE runs SET (fillfactor = 45);
-- Of a run that its first attempt completed: the attempt, which has no row of its own then.
ALTER TABLE runs ADD COLUMN answered_at bigint;
ALTER TABLE runs ADD COLUMN status_code bigint;
CREATE VIEW run_rows AS
  SELECT r.*, b.flow_name, b.variables, b.body FROM runs r JOIN run_bodies b ON b.run = r.number;

-- ---- Runs that are not completed, found by how they are
-- A row for each, with what the indexes need: claims, what is live of a schedule, and what ended
-- unhappily. runs has the truth, and its row is the one that is locked.
CREATE TABLE incomplete_runs (
  run bigint NOT NULL PRIMARY KEY,  -- runs.number
  id uuid NOT NULL,
  schedule_id uuid,
  parent_id uuid,
  owner uuid,
  project_id bigint NOT NULL,
  due_at bigint NOT NULL,
  available_at bigint,
  status text NOT NULL CHECK (status <> 'completed'),
  executor text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
INSERT INTO incomplete_runs
  SELECT number, id, schedule_id, parent_id, owner, project_id, due_at, available_at, status,
         executor
  FROM runs WHERE status <> 'completed';
CREATE INDEX incomplete_claimable ON incomplete_runs (executor, project_id, available_at, id)
  WHERE status IN ('pending', 'retrying');
CREATE INDEX incomplete_dispatching ON incomplete_runs (owner) WHERE status = 'dispatching';
CREATE INDEX incomplete_waiting ON incomplete_runs (schedule_id, due_at, id)
  WHERE status = 'waiting';
CREATE INDEX incomplete_live ON incomplete_runs (schedule_id)
  WHERE status IN ('waiting', 'pending', 'dispatching', 'running', 'retrying');
CREATE INDEX incomplete_unhappy ON incomplete_runs (status, due_at)
  WHERE status IN ('failed', 'dead', 'cancelled', 'skipped');
CREATE INDEX incomplete_by_parent ON incomplete_runs (parent_id, status, id)
  WHERE parent_id IS NOT NULL;
DROP INDEX runs_claimable, runs_dispatching, runs_waiting, runs_live, runs_unhappy, runs_by_end;
DROP INDEX runs_by_due, runs_by_parent;
CREATE INDEX runs_by_parent ON runs (parent_id, id) WHERE parent_id IS NOT NULL;
-- Retention goes by it: a run ends after it was due.
CREATE INDEX runs_by_due ON runs (due_at, number);

-- Follows every change of a run but for the two that come by the thousand, which write the rows
-- themselves, all at once: a claim, and its completion.
CREATE FUNCTION follow_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'completed' THEN
    DELETE FROM incomplete_runs WHERE run = NEW.number;
  ELSE
    UPDATE incomplete_runs SET id = NEW.id, status = NEW.status, owner = NEW.owner,
      available_at = NEW.available_at WHERE run = NEW.number;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER incomplete_changed AFTER UPDATE ON runs FOR EACH ROW
WHEN (NEW.status <> OLD.status
      AND NOT (OLD.status = 'dispatching' AND NEW.status = 'completed')
      AND NOT (OLD.status IN ('pending', 'retrying') AND NEW.status = 'dispatching')
      OR NEW.available_at IS DISTINCT FROM OLD.available_at AND NEW.status <> 'completed'
      OR NEW.id <> OLD.id)
EXECUTE FUNCTION follow_run();
