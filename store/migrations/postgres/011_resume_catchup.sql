-- When it was resumed with catch-up, and by what policy what was due by then is made up for.
ALTER TABLE schedule_rules ADD COLUMN resumed_at bigint;
ALTER TABLE schedule_rules ADD COLUMN resume_catchup text
  CHECK (resume_catchup IN ('last', 'none', 'all'));
ALTER TABLE projects ADD COLUMN resume_catchup text
  CHECK (resume_catchup IN ('last', 'none', 'all'));

-- New columns at the end: what refers to the view stays.
CREATE OR REPLACE VIEW schedules AS
  SELECT s.id, r.flow_id, r.project_id, r.rrule, r.starts_at, r.timezone, r.variables, r.note,
         r.paused_until, r.dst_gap, r.dst_fold, r.catchup, r.catchup_grace, r.catchup_window,
         r.overlap, r.max_running, r.jitter, r.late_after, r.retry_max_attempts,
         r.retry_min_backoff, r.retry_max_backoff, r.retry_max_age, r.timeout, r.executor,
         r.created_at, r.updated_at, r.revision, r.calendar, r.calendar_action,
         r.pause_after_failures, s.status, s.status_reason, s.next_run_at, s.next_due_at,
         s.settled_to, s.settled_wall, s.version, r.resumed_at, r.resume_catchup
  FROM schedule_states s JOIN schedule_rules r ON r.id = s.id;
