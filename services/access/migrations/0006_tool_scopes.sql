-- For which tools a role's or a key's permissions are, as a list of names, tags and labels; none: for all.
ALTER TABLE keys ADD COLUMN tool_scopes json NOT NULL DEFAULT '[]';
ALTER TABLE roles ADD COLUMN tool_scopes json NOT NULL DEFAULT '[]';
