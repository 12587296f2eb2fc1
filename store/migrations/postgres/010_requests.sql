-- An idempotency key is known as long as the row that it made.
CREATE FUNCTION forget_requests() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM requests WHERE made IN (SELECT id FROM gone);
  RETURN NULL;
END $$;
CREATE TRIGGER requests_of_runs AFTER DELETE ON runs REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION forget_requests();
CREATE TRIGGER requests_of_flows AFTER DELETE ON flows REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION forget_requests();
CREATE TRIGGER requests_of_schedules AFTER DELETE ON schedule_rules REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION forget_requests();
DELETE FROM requests r WHERE NOT EXISTS (SELECT 1 FROM runs WHERE id = r.made)
  AND NOT EXISTS (SELECT 1 FROM flows WHERE id = r.made)
  AND NOT EXISTS (SELECT 1 FROM schedule_rules WHERE id = r.made);
