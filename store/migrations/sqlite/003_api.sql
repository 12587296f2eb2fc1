-- Pages of one project.
CREATE INDEX flows_by_project ON flows (project_id, updated_at, id);
CREATE INDEX schedules_by_project ON schedules (project_id, created_at, id);
CREATE INDEX runs_by_project ON runs (project_id, due_at, id);

-- What asked for a row with an idempotency key; known before the row is written, gone with it.
CREATE TABLE requests (
  made BLOB NOT NULL PRIMARY KEY CHECK (length(made) = 16),
  digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER requests_of_runs AFTER DELETE ON runs BEGIN
  DELETE FROM requests WHERE made = OLD.id;
END;
CREATE TRIGGER requests_of_flows AFTER DELETE ON flows BEGIN
  DELETE FROM requests WHERE made = OLD.id;
END;
CREATE TRIGGER requests_of_schedules AFTER DELETE ON schedules BEGIN
  DELETE FROM requests WHERE made = OLD.id;
END;
