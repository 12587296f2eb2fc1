-- ---- New columns
ALTER TABLE schedules ADD COLUMN calendar text NOT NULL DEFAULT '';
ALTER TABLE schedules ADD COLUMN calendar_action text NOT NULL DEFAULT 'skip'
  CHECK (calendar_action IN ('skip', 'next', 'previous'));
ALTER TABLE schedules ADD COLUMN pause_after_failures bigint NOT NULL DEFAULT 0
  CHECK (pause_after_failures >= 0);
ALTER TABLE runs ADD COLUMN parent_id uuid;
CREATE INDEX runs_by_parent ON runs (parent_id, status, id) WHERE parent_id IS NOT NULL;

-- ---- Audit: who wrote what. Never changed.
CREATE TABLE audit (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- order of writing
  at bigint NOT NULL,
  project_id bigint,
  actor text NOT NULL,
  action text NOT NULL,
  kind text NOT NULL,
  object_id text NOT NULL,
  before text NOT NULL,
  after text NOT NULL
);
CREATE INDEX audit_by_object ON audit (object_id, number);

-- ---- Calendars: days on which schedules that name one do not run
CREATE TABLE calendars (
  project_id bigint NOT NULL,
  name text NOT NULL,
  note text NOT NULL,
  days text NOT NULL,  -- JSON
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  version bigint NOT NULL,
  PRIMARY KEY (project_id, name)
);
CREATE INDEX schedules_by_calendar ON schedules (project_id, calendar) WHERE calendar <> '';
ALTER TABLE gaps DROP CONSTRAINT gaps_reason_check;
ALTER TABLE gaps ADD CONSTRAINT gaps_reason_check
  CHECK (reason IN ('missed', 'paused', 'flow_inactive', 'error', 'skipped_by_operator',
                    'calendar'));

-- ---- Backfills
CREATE TABLE backfills (
  id uuid PRIMARY KEY,
  project_id bigint NOT NULL,
  flow_id uuid NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  schedule_id uuid NOT NULL,
  from_at bigint NOT NULL,
  to_at bigint NOT NULL CHECK (to_at > from_at),
  made_to bigint,
  count bigint NOT NULL,
  made bigint NOT NULL,
  note text NOT NULL,
  created_at bigint NOT NULL,
  ended_at bigint,
  cancelled boolean NOT NULL,
  version bigint NOT NULL
);
CREATE INDEX backfills_open ON backfills (id) WHERE ended_at IS NULL;
CREATE INDEX backfills_by_flow ON backfills (flow_id);

-- ---- Projects: those that were ever paused
CREATE TABLE projects (
  id bigint PRIMARY KEY,
  paused_at bigint,
  resumed_at bigint,
  catch_up boolean NOT NULL,
  note text NOT NULL,
  CHECK (resumed_at IS NULL OR paused_at IS NOT NULL)
);

-- ---- Audience: the persons that batch jobs reach
CREATE TABLE persons (
  id uuid NOT NULL PRIMARY KEY,
  project_id bigint NOT NULL,
  distinct_id text NOT NULL,
  properties text NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  UNIQUE (project_id, distinct_id)
);
CREATE INDEX persons_by_project ON persons (project_id, id);

-- Their properties as filters compare them (person_filter.h).
CREATE TABLE person_values (
  person_id uuid NOT NULL,
  key text NOT NULL,
  value text NOT NULL,
  folded text,
  number bigint,  -- orders as the number does
  at bigint,
  PRIMARY KEY (person_id, key)
);

-- What a batch job that the daemon spreads itself keeps beside its run; gone with it.
CREATE TABLE jobs (
  run_id uuid NOT NULL PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('spreading', 'spread', 'ended')),
  trigger_config text NOT NULL,
  opened_at bigint NOT NULL,
  cursor uuid,
  enqueued bigint NOT NULL,
  truncated boolean NOT NULL,
  ending text CHECK (ending IN ('cancelled', 'failed')),
  reason text NOT NULL,
  done bigint NOT NULL,
  failed bigint NOT NULL
);
CREATE INDEX jobs_open ON jobs (run_id) WHERE state <> 'ended';
CREATE FUNCTION forget_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM jobs WHERE run_id = OLD.id;
  RETURN NULL;
END $$;
CREATE TRIGGER jobs_of_runs AFTER DELETE ON runs FOR EACH ROW WHEN (OLD.kind = 'batch_job')
EXECUTE FUNCTION forget_job();
