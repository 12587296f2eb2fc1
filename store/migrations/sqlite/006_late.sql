-- Frozen with a run: from when on it starts late.
ALTER TABLE runs ADD COLUMN late_after INTEGER NOT NULL DEFAULT 60000;
-- Paused schedules that a daemon resumes by itself.
CREATE INDEX schedules_to_resume ON schedules (paused_until) WHERE paused_until IS NOT NULL;
