-- What must be shown before a task is completed, and what was.
ALTER TABLE tasks
    ADD COLUMN required_evidence text[] NOT NULL DEFAULT '{}',
    ADD COLUMN evidence          json   NOT NULL DEFAULT '[]';
