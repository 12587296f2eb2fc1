-- Frozen with a run: never tried by then, it is not sent any more.
ALTER TABLE runs ADD COLUMN start_before INTEGER;
CREATE INDEX runs_to_expire ON runs (start_before)
  WHERE status = 'pending' AND start_before IS NOT NULL;
