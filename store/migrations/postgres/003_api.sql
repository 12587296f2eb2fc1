-- What asked for a row with an idempotency key: known before the row is written. Whoever removes
-- rows removes it, too.
CREATE TABLE requests (
  made uuid NOT NULL PRIMARY KEY,
  digest text NOT NULL
);
