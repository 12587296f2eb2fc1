-- A dead or failed run may be replayed; nothing else leaves a final status. The condition is
-- checked without a call, so that only a fault pays for the function.
CREATE FUNCTION refuse_final_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a final run does not change' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER runs_final BEFORE UPDATE ON runs FOR EACH ROW
WHEN (NEW.status <> OLD.status
      AND (OLD.status IN ('completed', 'cancelled', 'skipped')
           OR OLD.status IN ('failed', 'dead') AND NEW.status <> 'pending'))
EXECUTE FUNCTION refuse_final_run();
