-- Gaps are listed, the latest end first, by project, by project and reason, and by flow.
-- The indexes are made anew after all rows are written again; who writes gaps waits for that.
DROP INDEX gaps_by_flow;
DROP INDEX gaps_by_end;
ALTER TABLE gaps ADD COLUMN project_id bigint;
UPDATE gaps g SET project_id = f.project_id FROM flows f WHERE f.id = g.flow_id;

-- A daemon of before this step still writes rows without it.
CREATE FUNCTION put_gap_into_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.project_id := (SELECT project_id FROM flows WHERE id = NEW.flow_id);
  RETURN NEW;
END $$;
CREATE TRIGGER gaps_in_project BEFORE INSERT ON gaps FOR EACH ROW
WHEN (NEW.project_id IS NULL) EXECUTE FUNCTION put_gap_into_project();

-- Of a flow that is gone: nobody can ask for it.
DELETE FROM gaps WHERE project_id IS NULL;
ALTER TABLE gaps ALTER COLUMN project_id SET NOT NULL;
CREATE INDEX gaps_by_end ON gaps (to_at, schedule_id, from_at);
CREATE INDEX gaps_by_flow ON gaps (flow_id, to_at, schedule_id, from_at);
CREATE INDEX gaps_by_project ON gaps (project_id, to_at, schedule_id, from_at);
CREATE INDEX gaps_by_reason ON gaps (project_id, reason, to_at, schedule_id, from_at);
