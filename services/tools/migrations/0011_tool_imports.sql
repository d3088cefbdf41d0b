-- The import of an OpenAPI document that a tool is of; empty where it is of none.
ALTER TABLE tools
    ADD COLUMN import_name text NOT NULL DEFAULT '';

CREATE INDEX tools_import ON tools (import_name) WHERE import_name <> '';
