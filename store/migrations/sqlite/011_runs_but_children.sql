-- A flow's own runs, of which a batch job may have millions of children.
CREATE INDEX runs_but_children ON runs (flow_id, due_at) WHERE origin <> 'child';
