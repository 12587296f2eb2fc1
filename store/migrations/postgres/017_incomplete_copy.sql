-- "incomplete copy of .." while a copy is on its way here: no daemon starts on it.
ALTER TABLE meta ADD COLUMN incomplete_copy text NOT NULL DEFAULT '';
