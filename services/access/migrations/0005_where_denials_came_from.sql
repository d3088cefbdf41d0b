-- The address that a refused call came from; of several that are alike the last one's.
ALTER TABLE denials ADD COLUMN address text NOT NULL DEFAULT '';
