-- Gaps are listed, the latest end first, by project, by project and reason, and by flow. (The
-- primary key is the end of each index.)
CREATE TABLE gaps_9 (
  schedule_id BLOB NOT NULL,
  from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL CHECK (to_at >= from_at),
  reason TEXT NOT NULL
    CHECK (reason = 'missed' OR reason = 'paused' OR reason = 'flow_inactive'
           OR reason = 'error' OR reason = 'skipped_by_operator' OR reason = 'calendar'),
  count INTEGER NOT NULL,
  flow_id BLOB NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
  project_id INTEGER NOT NULL,
  PRIMARY KEY (schedule_id, from_at)
) STRICT, WITHOUT ROWID;
INSERT INTO gaps_9
  SELECT g.schedule_id, g.from_at, g.to_at, g.reason, g.count, g.flow_id, f.project_id
  FROM gaps g JOIN flows f ON f.id = g.flow_id;
DROP TABLE gaps;
ALTER TABLE gaps_9 RENAME TO gaps;
CREATE INDEX gaps_by_end ON gaps (to_at);
CREATE INDEX gaps_by_flow ON gaps (flow_id, to_at);
CREATE INDEX gaps_by_project ON gaps (project_id, to_at);
CREATE INDEX gaps_by_reason ON gaps (project_id, reason, to_at);
