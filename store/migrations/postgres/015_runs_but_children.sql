-- What is written in order of time and removed by the thousand: dead entries at the beginning of
-- its index are walked by each look for more, until they are vacuumed.
ALTER TABLE log_lines SET (autovacuum_vacuum_scale_factor = 0.02);

-- A flow's own runs, of which a batch job may have millions of children. It costs each run that is
-- no child one entry more, of about 40 bytes. As 014, it is made while who ends a run waits; where
-- the ledger is long, an operator makes it CONCURRENTLY before the step, which then has it.
-- One that was broken off is there, and good for nothing.
DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_catalog.pg_index i
             JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relname = 'runs_but_children' AND n.nspname = current_schema()
               AND NOT i.indisvalid) THEN
    DROP INDEX runs_but_children;
  END IF;
END $$;
CREATE INDEX IF NOT EXISTS runs_but_children ON runs (flow_id, due_at) WHERE origin <> 'child';
