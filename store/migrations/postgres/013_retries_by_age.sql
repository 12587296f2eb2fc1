-- Retries whose time is over, among any number of runs that were never tried: started_at +
-- retry_max_age of a retrying run.
ALTER TABLE incomplete_runs ADD COLUMN retry_until bigint;
UPDATE incomplete_runs o SET retry_until = r.started_at + r.retry_max_age
  FROM runs r WHERE r.id = o.id AND o.status = 'retrying';
CREATE INDEX incomplete_retrying ON incomplete_runs (retry_until) WHERE status = 'retrying';

CREATE OR REPLACE FUNCTION follow_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'completed' THEN
    DELETE FROM incomplete_runs WHERE run = NEW.number;
  ELSE
    UPDATE incomplete_runs SET id = NEW.id, status = NEW.status, owner = NEW.owner,
      available_at = NEW.available_at,
      retry_until = CASE WHEN NEW.status = 'retrying' THEN NEW.started_at + NEW.retry_max_age END
      WHERE run = NEW.number;
  END IF;
  RETURN NULL;
END $$;
