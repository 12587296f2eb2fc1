-- Frozen with a run: from when on it starts late.
ALTER TABLE runs ADD COLUMN late_after bigint NOT NULL DEFAULT 60000;
-- Paused schedules that a daemon resumes by itself.
CREATE INDEX schedules_to_resume ON schedule_rules (paused_until) WHERE paused_until IS NOT NULL;

DROP VIEW run_rows;
CREATE VIEW run_rows AS
  SELECT r.*, b.flow_name, b.variables, b.body FROM runs r JOIN run_bodies b ON b.run = r.number;
