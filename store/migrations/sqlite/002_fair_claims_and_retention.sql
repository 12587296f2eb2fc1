-- Projects take turns: the first claimable run of each is one step down this index.
CREATE INDEX runs_claimable_by_project ON runs (executor, project_id, available_at, id)
  WHERE status = 'pending' OR status = 'retrying';

-- What is old is found from its end on.
CREATE INDEX runs_by_end ON runs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX gaps_by_end ON gaps (to_at);

-- Where the rows were copied to, for good: no daemon fires from here any more.
ALTER TABLE instance ADD COLUMN moved_to TEXT;

-- Those who had it open before must not write either.
CREATE TRIGGER moved_for_people BEFORE UPDATE OF revision ON meta
WHEN (SELECT moved_to FROM instance) IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'this store was moved to another place');
END;
CREATE TRIGGER moved_for_daemons BEFORE UPDATE OF epoch ON instance WHEN OLD.moved_to IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'this store was moved to another place');
END;

-- By which version of the time zones next_run_at was last computed.
ALTER TABLE meta ADD COLUMN zones_version TEXT NOT NULL DEFAULT '';
