-- When a daemon last said that it sends to an executor, or asks about what that accepted. A row is
-- of no daemon: several have the same executors. Kept when nobody has them any more.
CREATE TABLE served_executors (
  work text NOT NULL CHECK (work IN ('send', 'track')),
  executor text NOT NULL,
  seen_at bigint NOT NULL,
  PRIMARY KEY (work, executor)
);
