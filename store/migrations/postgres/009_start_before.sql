-- Frozen with a run: never tried by then, it is not sent any more.
ALTER TABLE runs ADD COLUMN start_before bigint;
ALTER TABLE incomplete_runs ADD COLUMN start_before bigint;
CREATE INDEX incomplete_to_expire ON incomplete_runs (start_before)
  WHERE status = 'pending' AND start_before IS NOT NULL;

DROP VIEW run_rows;
CREATE VIEW run_rows AS
  SELECT r.*, b.flow_name, b.variables, b.body FROM runs r JOIN run_bodies b ON b.run = r.number;
