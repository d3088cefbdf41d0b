-- By what whoever made a link called, and what access is asked about later; empty where nobody checks.
ALTER TABLE action_links ADD COLUMN caller text NOT NULL DEFAULT '';
