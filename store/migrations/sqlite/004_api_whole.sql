-- ---- New columns
ALTER TABLE schedules ADD COLUMN calendar TEXT NOT NULL DEFAULT '';
ALTER TABLE schedules ADD COLUMN calendar_action TEXT NOT NULL DEFAULT 'skip'
  CHECK (calendar_action = 'skip' OR calendar_action = 'next' OR calendar_action = 'previous');
ALTER TABLE schedules ADD COLUMN pause_after_failures INTEGER NOT NULL DEFAULT 0
  CHECK (pause_after_failures >= 0);
ALTER TABLE runs ADD COLUMN parent_id BLOB;
CREATE INDEX runs_by_parent ON runs (parent_id, status, id) WHERE parent_id IS NOT NULL;

-- ---- Audit: who wrote what. Never changed.
CREATE TABLE audit (
  number INTEGER PRIMARY KEY,  -- order of writing
  at INTEGER NOT NULL,
  project_id INTEGER,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  kind TEXT NOT NULL,
  object_id TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_object ON audit (object_id, number);

-- ---- Calendars: days on which schedules that name one do not run
CREATE TABLE calendars (
  project_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  note TEXT NOT NULL,
  days TEXT NOT NULL,  -- JSON
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (project_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_by_calendar ON schedules (project_id, calendar) WHERE calendar <> '';
-- One more reason.
CREATE TABLE gaps_4 (
  schedule_id BLOB NOT NULL,
  from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL CHECK (to_at >= from_at),
  reason TEXT NOT NULL
    CHECK (reason = 'missed' OR reason = 'paused' OR reason = 'flow_inactive'
           OR reason = 'error' OR reason = 'skipped_by_operator' OR reason = 'calendar'),
  count INTEGER NOT NULL,
  flow_id BLOB NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  PRIMARY KEY (schedule_id, from_at)
) STRICT, WITHOUT ROWID;
INSERT INTO gaps_4 SELECT schedule_id, from_at, to_at, reason, count, flow_id FROM gaps;
DROP TABLE gaps;
ALTER TABLE gaps_4 RENAME TO gaps;
CREATE INDEX gaps_by_flow ON gaps (flow_id);
CREATE INDEX gaps_by_end ON gaps (to_at);

-- ---- Backfills
CREATE TABLE backfills (
  id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  project_id INTEGER NOT NULL,
  flow_id BLOB NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  schedule_id BLOB NOT NULL,
  from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL CHECK (to_at > from_at),
  made_to INTEGER,
  count INTEGER NOT NULL,
  made INTEGER NOT NULL,
  note TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  cancelled INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX backfills_open ON backfills (id) WHERE ended_at IS NULL;
CREATE INDEX backfills_by_flow ON backfills (flow_id);

-- ---- Projects: those that were ever paused
CREATE TABLE projects (
  id INTEGER NOT NULL PRIMARY KEY,
  paused_at INTEGER,
  resumed_at INTEGER,
  catch_up INTEGER NOT NULL,
  note TEXT NOT NULL,
  CHECK (resumed_at IS NULL OR paused_at IS NOT NULL)
) STRICT;

-- ---- Audience: the persons that batch jobs reach
CREATE TABLE persons (
  id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  project_id INTEGER NOT NULL,
  distinct_id TEXT NOT NULL,
  properties TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX persons_by_name ON persons (project_id, distinct_id);
CREATE INDEX persons_by_project ON persons (project_id, id);

-- Their properties as filters compare them (person_filter.h).
CREATE TABLE person_values (
  person_id BLOB NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  folded TEXT,
  number INTEGER,  -- orders as the number does
  at INTEGER,
  PRIMARY KEY (person_id, key)
) STRICT, WITHOUT ROWID;

-- What a batch job that the daemon spreads itself keeps beside its run; gone with it.
CREATE TABLE jobs (
  run_id BLOB NOT NULL PRIMARY KEY CHECK (length(run_id) = 16),
  state TEXT NOT NULL CHECK (state = 'spreading' OR state = 'spread' OR state = 'ended'),
  trigger_config TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  cursor BLOB,
  enqueued INTEGER NOT NULL,
  truncated INTEGER NOT NULL,
  ending TEXT CHECK (ending = 'cancelled' OR ending = 'failed'),
  reason TEXT NOT NULL,
  done INTEGER NOT NULL,
  failed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_open ON jobs (run_id) WHERE state <> 'ended';
CREATE TRIGGER jobs_of_runs AFTER DELETE ON runs WHEN OLD.kind = 'batch_job' BEGIN
  DELETE FROM jobs WHERE run_id = OLD.id;
END;
