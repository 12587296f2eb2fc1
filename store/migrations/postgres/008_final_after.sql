-- What refuses to change a run that has ended looks at it after the change, which is undone with
-- its transaction: a trigger before it locks each row that it looks at, and writes that down.
DROP TRIGGER runs_final ON runs;
CREATE TRIGGER runs_final_after AFTER UPDATE ON runs FOR EACH ROW
WHEN (NEW.status <> OLD.status
      AND (OLD.status IN ('completed', 'cancelled', 'skipped')
           OR OLD.status IN ('failed', 'dead') AND NEW.status <> 'pending'))
EXECUTE FUNCTION refuse_final_run();
