-- Conditions that are checked for each row say OR: for IN with more than two words SQLite builds a
-- table each time, which made a run three times as expensive.
--
-- Times are milliseconds since 1970 in UTC, durations milliseconds, ids the 16 bytes of a UUID.
-- The application id is "rrul" in ASCII.
PRAGMA application_id = 1920103788;

CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  revision INTEGER NOT NULL DEFAULT 0,       -- +1 with each write by a person
  runs_revision INTEGER NOT NULL DEFAULT 0,  -- the last one that added runs
  runs INTEGER NOT NULL DEFAULT 0            -- how many rows that table has
) STRICT;
INSERT INTO meta (one) VALUES (1);

-- The daemon that may write: an earlier epoch is fenced.
CREATE TABLE instance (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  epoch INTEGER NOT NULL DEFAULT 0,
  owner BLOB CHECK (length(owner) = 16),
  started_at INTEGER,
  high_water INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO instance (one) VALUES (1);

CREATE TABLE flows (
  id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  project_id INTEGER NOT NULL,
  name TEXT,
  description TEXT NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status = 'draft' OR status = 'active' OR status = 'archived'),
  trigger_type TEXT NOT NULL,
  trigger_config TEXT NOT NULL,
  trigger_masking TEXT NOT NULL,
  conversion TEXT NOT NULL,
  exit_condition TEXT NOT NULL,
  edges TEXT NOT NULL,
  actions TEXT NOT NULL,
  variables TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  revision INTEGER NOT NULL
) STRICT;
CREATE INDEX flows_by_update ON flows (updated_at, id);

CREATE TABLE schedules (
  id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  flow_id BLOB NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  project_id INTEGER NOT NULL,
  rrule TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  timezone TEXT NOT NULL,
  variables TEXT NOT NULL,
  status TEXT NOT NULL
    CHECK (status = 'active' OR status = 'paused' OR status = 'completed' OR status = 'error'),
  status_reason TEXT NOT NULL,
  note TEXT NOT NULL,
  paused_until INTEGER,
  dst_gap TEXT NOT NULL CHECK (dst_gap = 'shift' OR dst_gap = 'skip'),
  dst_fold TEXT NOT NULL
    CHECK (dst_fold = 'auto' OR dst_fold = 'first' OR dst_fold = 'second' OR dst_fold = 'both'),
  catchup TEXT NOT NULL CHECK (catchup = 'last' OR catchup = 'none' OR catchup = 'all'),
  catchup_grace INTEGER NOT NULL,
  catchup_window INTEGER NOT NULL,
  overlap TEXT NOT NULL
    CHECK (overlap = 'allow' OR overlap = 'skip' OR overlap = 'buffer_one'
           OR overlap = 'buffer_all' OR overlap = 'cancel_other'),
  max_running INTEGER NOT NULL CHECK (max_running >= 1),
  jitter INTEGER NOT NULL,
  late_after INTEGER NOT NULL,
  retry_max_attempts INTEGER NOT NULL,
  retry_min_backoff INTEGER NOT NULL,
  retry_max_backoff INTEGER NOT NULL,
  retry_max_age INTEGER NOT NULL,
  timeout INTEGER,
  executor TEXT NOT NULL,
  next_run_at INTEGER,
  next_due_at INTEGER,
  settled_to INTEGER,
  settled_wall INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  CHECK ((next_run_at IS NULL) = (next_due_at IS NULL))
) STRICT;
CREATE INDEX schedules_due ON schedules (next_due_at, id)
  WHERE status = 'active' AND next_due_at IS NOT NULL;
CREATE INDEX schedules_by_flow ON schedules (flow_id, created_at, id);
CREATE INDEX schedules_by_creation ON schedules (created_at, id);
CREATE INDEX schedules_by_revision ON schedules (revision);

-- Schedules that are gone, for those who follow the changes. A schedule that comes back goes on
-- from `version`.
CREATE TABLE tombstones (
  schedule_id BLOB NOT NULL PRIMARY KEY,
  revision INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_by_revision ON tombstones (revision);

-- schedule_id refers to no row: the ledger outlives the schedule.
CREATE TABLE runs (
  number INTEGER PRIMARY KEY,  -- order of writing
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  project_id INTEGER NOT NULL,
  flow_id BLOB NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  schedule_id BLOB,
  kind TEXT NOT NULL CHECK (kind = 'batch_job' OR kind = 'invocation'),
  origin TEXT NOT NULL
    CHECK (origin = 'schedule' OR origin = 'manual' OR origin = 'backfill' OR origin = 'child'),
  status TEXT NOT NULL
    CHECK (status = 'waiting' OR status = 'pending' OR status = 'dispatching'
           OR status = 'running' OR status = 'retrying' OR status = 'completed'
           OR status = 'failed' OR status = 'dead' OR status = 'cancelled' OR status = 'skipped'),
  reason TEXT NOT NULL,
  scheduled_for INTEGER,
  due_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  executor TEXT NOT NULL,
  timeout INTEGER,
  retry_max_attempts INTEGER NOT NULL,
  retry_min_backoff INTEGER NOT NULL,
  retry_max_backoff INTEGER NOT NULL,
  retry_max_age INTEGER NOT NULL,
  flow_name TEXT NOT NULL,
  variables TEXT NOT NULL,
  body TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  available_at INTEGER,
  owner BLOB,
  fence INTEGER NOT NULL,
  error TEXT NOT NULL,
  claimed_at INTEGER,
  released INTEGER NOT NULL DEFAULT 0,  -- its end let a waiting run go
  CHECK (available_at IS NOT NULL OR status <> 'pending' AND status <> 'retrying')
) STRICT;
CREATE UNIQUE INDEX runs_occurrence ON runs (schedule_id, scheduled_for) WHERE origin = 'schedule';
CREATE INDEX runs_claimable ON runs (executor, available_at, id)
  WHERE status = 'pending' OR status = 'retrying';
CREATE INDEX runs_waiting ON runs (schedule_id, due_at, id) WHERE status = 'waiting';
CREATE INDEX runs_holding ON runs (schedule_id, status)
  WHERE status = 'pending' OR status = 'dispatching' OR status = 'running' OR status = 'retrying';
CREATE INDEX runs_unhappy ON runs (status, due_at)
  WHERE status = 'failed' OR status = 'dead' OR status = 'cancelled' OR status = 'skipped';
CREATE INDEX runs_by_flow ON runs (flow_id, due_at);
CREATE INDEX runs_by_schedule ON runs (schedule_id, due_at);
CREATE INDEX runs_by_due ON runs (due_at);

-- A dead or failed run may be replayed; nothing else leaves a final status.
CREATE TRIGGER runs_final AFTER UPDATE OF status ON runs
WHEN NEW.status <> OLD.status
  AND (OLD.status = 'completed' OR OLD.status = 'cancelled' OR OLD.status = 'skipped'
       OR (OLD.status = 'failed' OR OLD.status = 'dead') AND NEW.status <> 'pending')
BEGIN
  SELECT RAISE(ABORT, 'a final run does not change');
END;

-- The ledger is too long to be counted.
CREATE TRIGGER runs_removed AFTER DELETE ON runs BEGIN
  UPDATE meta SET runs = runs - 1;
END;

-- `run` is runs.number: attempts end in the order of the runs, so they are appended.
CREATE TABLE attempts (
  run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
  number INTEGER NOT NULL CHECK (number >= 1),
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  outcome TEXT NOT NULL,
  status_code INTEGER,
  error TEXT NOT NULL,
  PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_lines (
  number INTEGER PRIMARY KEY,  -- order of writing
  flow_id BLOB NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  run_id BLOB,
  timestamp INTEGER NOT NULL,
  level TEXT NOT NULL
    CHECK (level = 'DEBUG' OR level = 'INFO' OR level = 'WARN' OR level = 'ERROR'),
  message TEXT NOT NULL
) STRICT;
CREATE INDEX log_lines_by_time ON log_lines (timestamp);
CREATE INDEX log_lines_by_flow ON log_lines (flow_id, timestamp);
CREATE INDEX log_lines_by_run ON log_lines (run_id, timestamp) WHERE run_id IS NOT NULL;

CREATE TABLE gaps (
  schedule_id BLOB NOT NULL,
  from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL CHECK (to_at >= from_at),
  reason TEXT NOT NULL
    CHECK (reason = 'missed' OR reason = 'paused' OR reason = 'flow_inactive'
           OR reason = 'error' OR reason = 'skipped_by_operator'),
  count INTEGER NOT NULL,
  flow_id BLOB NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  PRIMARY KEY (schedule_id, from_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX gaps_by_flow ON gaps (flow_id);

CREATE TABLE tokens (
  id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  project_id INTEGER,  -- null: all
  name TEXT NOT NULL,
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  last_used_at INTEGER
) STRICT;
