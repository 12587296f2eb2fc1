-- Times are milliseconds since 1970 in UTC, durations milliseconds: whole numbers compare alike
-- everywhere. JSON columns are texts, which keep their bytes. Run with search_path set to the
-- schema of the store. Only what PostgreSQL 13, CockroachDB and YugabyteDB have in common; where
-- they differ: postgres_dialect.h.

CREATE TABLE meta (
  one integer PRIMARY KEY CHECK (one = 1),
  revision bigint NOT NULL DEFAULT 0,       -- +1 with each write by a person, which locks this row
  runs_revision bigint NOT NULL DEFAULT 0,  -- the last one that added runs
  epoch bigint NOT NULL DEFAULT 0,          -- +1 with each start of a daemon
  zones_version text NOT NULL DEFAULT ''    -- of the tzdata that next_run_at was computed with
);
INSERT INTO meta (one) VALUES (1);

-- Who writes here. A row is touched by its own daemon alone.
CREATE TABLE daemons (
  owner uuid NOT NULL PRIMARY KEY,
  epoch bigint NOT NULL,
  started_at bigint NOT NULL,
  seen_at bigint NOT NULL  -- its last heartbeat
);

CREATE TABLE flows (
  id uuid NOT NULL PRIMARY KEY,
  project_id bigint NOT NULL,
  name text,
  description text NOT NULL,
  version bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'active', 'archived')),
  trigger_type text NOT NULL,
  trigger_config text NOT NULL,
  trigger_masking text NOT NULL,
  conversion text NOT NULL,
  exit_condition text NOT NULL,
  edges text NOT NULL,
  actions text NOT NULL,
  variables text NOT NULL,
  created_by text NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  revision bigint NOT NULL
);
CREATE INDEX flows_by_update ON flows (updated_at, id);

-- Room in each page: a schedule that moves on is written beside its old row.
CREATE TABLE schedules (
  id uuid NOT NULL PRIMARY KEY,
  flow_id uuid NOT NULL REFERENCES flows (id),
  project_id bigint NOT NULL,
  rrule text NOT NULL,
  starts_at bigint NOT NULL,
  timezone text NOT NULL,
  variables text NOT NULL,
  status text NOT NULL CHECK (status IN ('active', 'paused', 'completed', 'error')),
  status_reason text NOT NULL,
  note text NOT NULL,
  paused_until bigint,
  dst_gap text NOT NULL CHECK (dst_gap IN ('shift', 'skip')),
  dst_fold text NOT NULL CHECK (dst_fold IN ('auto', 'first', 'second', 'both')),
  catchup text NOT NULL CHECK (catchup IN ('last', 'none', 'all')),
  catchup_grace bigint NOT NULL,
  catchup_window bigint NOT NULL,
  overlap text NOT NULL
    CHECK (overlap IN ('allow', 'skip', 'buffer_one', 'buffer_all', 'cancel_other')),
  max_running bigint NOT NULL CHECK (max_running >= 1),
  jitter bigint NOT NULL,
  late_after bigint NOT NULL,
  retry_max_attempts bigint NOT NULL,
  retry_min_backoff bigint NOT NULL,
  retry_max_backoff bigint NOT NULL,
  retry_max_age bigint NOT NULL,
  timeout bigint,
  executor text NOT NULL,
  next_run_at bigint,
  next_due_at bigint,
  settled_to bigint,
  settled_wall bigint,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  version bigint NOT NULL,
  revision bigint NOT NULL,
  CHECK ((next_run_at IS NULL) = (next_due_at IS NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX schedules_due ON schedules (next_due_at, id)
  WHERE status = 'active' AND next_due_at IS NOT NULL;
CREATE INDEX schedules_by_flow ON schedules (flow_id, created_at, id);
CREATE INDEX schedules_by_creation ON schedules (created_at, id);
CREATE INDEX schedules_by_revision ON schedules (revision);

-- Schedules that are gone, for those who follow the changes. A schedule that comes back goes on
-- from `version`.
CREATE TABLE tombstones (
  schedule_id uuid NOT NULL PRIMARY KEY,
  revision bigint NOT NULL,
  version bigint NOT NULL
);
CREATE INDEX tombstones_by_revision ON tombstones (revision);

-- schedule_id refers to no row: the ledger outlives the schedule. flow_id does, but a foreign key
-- would lock the flow's row with each run: all of it is deleted under the locks of the flow's
-- schedules instead.
CREATE TABLE runs (
  number bigint GENERATED ALWAYS AS IDENTITY,  -- for attempts: they are appended
  id uuid NOT NULL PRIMARY KEY,
  project_id bigint NOT NULL,
  flow_id uuid NOT NULL,
  schedule_id uuid,
  kind text NOT NULL CHECK (kind IN ('batch_job', 'invocation')),
  origin text NOT NULL CHECK (origin IN ('schedule', 'manual', 'backfill', 'child')),
  status text NOT NULL
    CHECK (status IN ('waiting', 'pending', 'dispatching', 'running', 'retrying', 'completed',
                      'failed', 'dead', 'cancelled', 'skipped')),
  reason text NOT NULL,
  scheduled_for bigint,
  due_at bigint NOT NULL,
  created_at bigint NOT NULL,
  started_at bigint,
  finished_at bigint,
  executor text NOT NULL,
  timeout bigint,
  retry_max_attempts bigint NOT NULL,
  retry_min_backoff bigint NOT NULL,
  retry_max_backoff bigint NOT NULL,
  retry_max_age bigint NOT NULL,
  flow_name text NOT NULL,
  variables text NOT NULL,
  body text NOT NULL,
  attempts bigint NOT NULL,
  available_at bigint,
  owner uuid,
  fence bigint NOT NULL,
  error text NOT NULL,
  claimed_at bigint,
  claimed_until bigint,
  released boolean NOT NULL DEFAULT false,  -- its end let a waiting run go
  CHECK (available_at IS NOT NULL OR status NOT IN ('pending', 'retrying')),
  CHECK (claimed_until IS NOT NULL OR status <> 'dispatching')
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_analyze_scale_factor = 0.02);
CREATE UNIQUE INDEX runs_occurrence ON runs (schedule_id, scheduled_for)
  WHERE origin = 'schedule';
CREATE INDEX runs_claimable ON runs (executor, project_id, available_at, id)
  WHERE status IN ('pending', 'retrying');
CREATE INDEX runs_dispatching ON runs (owner, id) WHERE status = 'dispatching';
CREATE INDEX runs_waiting ON runs (schedule_id, due_at, id) WHERE status = 'waiting';
CREATE INDEX runs_live ON runs (schedule_id)
  WHERE status IN ('waiting', 'pending', 'dispatching', 'running', 'retrying');
CREATE INDEX runs_unhappy ON runs (status, due_at)
  WHERE status IN ('failed', 'dead', 'cancelled', 'skipped');
CREATE INDEX runs_by_flow ON runs (flow_id, due_at);
CREATE INDEX runs_by_schedule ON runs (schedule_id, due_at);
CREATE INDEX runs_by_due ON runs (due_at);
CREATE INDEX runs_by_end ON runs (finished_at, id) WHERE finished_at IS NOT NULL;

-- `run` is runs.number.
CREATE TABLE attempts (
  run bigint NOT NULL,
  number bigint NOT NULL CHECK (number >= 1),
  started_at bigint NOT NULL,
  finished_at bigint,
  outcome text NOT NULL,
  status_code bigint,
  error text NOT NULL,
  PRIMARY KEY (run, number)
);

CREATE TABLE log_lines (
  number bigint GENERATED ALWAYS AS IDENTITY,  -- order of writing
  flow_id uuid NOT NULL,
  run_id uuid,
  timestamp bigint NOT NULL,
  level text NOT NULL CHECK (level IN ('DEBUG', 'INFO', 'WARN', 'ERROR')),
  message text NOT NULL
);
CREATE INDEX log_lines_by_time ON log_lines (timestamp, number);
CREATE INDEX log_lines_by_flow ON log_lines (flow_id, timestamp);
CREATE INDEX log_lines_by_run ON log_lines (run_id, timestamp) WHERE run_id IS NOT NULL;

CREATE TABLE gaps (
  schedule_id uuid NOT NULL,
  from_at bigint NOT NULL,
  to_at bigint NOT NULL CHECK (to_at >= from_at),
  reason text NOT NULL
    CHECK (reason IN ('missed', 'paused', 'flow_inactive', 'error', 'skipped_by_operator')),
  count bigint NOT NULL,
  flow_id uuid NOT NULL,
  PRIMARY KEY (schedule_id, from_at)
);
CREATE INDEX gaps_by_flow ON gaps (flow_id);
CREATE INDEX gaps_by_end ON gaps (to_at, schedule_id, from_at);

CREATE TABLE tokens (
  id uuid NOT NULL PRIMARY KEY,
  project_id bigint,  -- null: all
  name text NOT NULL,
  hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
  scopes text NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  revoked_at bigint,
  last_used_at bigint
);
