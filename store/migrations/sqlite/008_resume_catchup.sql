-- When it was resumed with catch-up, and by what policy what was due by then is made up for.
ALTER TABLE schedules ADD COLUMN resumed_at INTEGER;
ALTER TABLE schedules ADD COLUMN resume_catchup TEXT
  CHECK (resume_catchup IN ('last', 'none', 'all'));
ALTER TABLE projects ADD COLUMN resume_catchup TEXT
  CHECK (resume_catchup IN ('last', 'none', 'all'));
