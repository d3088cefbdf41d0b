-- The names that principals have given, and the number of the last version of each, so that none is given twice.
CREATE TABLE template_names (
    created_by   text    NOT NULL,
    name         text    NOT NULL,
    last_version integer NOT NULL,
    PRIMARY KEY (created_by, name)
);

-- Versions of templates. The same bytes under a name are the same version.
CREATE TABLE templates (
    id          uuid        PRIMARY KEY DEFAULT uuidv7(),
    name        text        NOT NULL,
    version     integer     NOT NULL,
    sha256      text        NOT NULL,
    size_bytes  integer     NOT NULL,
    -- Roles whose holders see it, too.
    shared_with text[]      NOT NULL,
    created_by  text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (created_by, name, version),
    UNIQUE (created_by, name, sha256)
);

CREATE INDEX templates_newest ON templates (created_at, id);
CREATE INDEX templates_created_by ON templates (created_by, created_at, id);
CREATE INDEX templates_name ON templates (name);
CREATE INDEX templates_shared_with ON templates USING gin (shared_with) WHERE shared_with <> '{}';

-- Their bytes in pieces, as those of archives.
CREATE TABLE template_contents (
    template_id uuid    NOT NULL REFERENCES templates (id) ON DELETE CASCADE,
    number      integer NOT NULL,
    content     bytea   NOT NULL,
    PRIMARY KEY (template_id, number)
);

ALTER TABLE template_contents ALTER COLUMN content SET STORAGE EXTERNAL;
