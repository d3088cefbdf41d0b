-- Banks that are kept. A version never changes but that it is accepted or deleted; one that was deleted keeps its number.
CREATE TABLE banks (
    id           uuid        PRIMARY KEY DEFAULT uuidv7(),
    owner        text        NOT NULL,
    name         text        NOT NULL,
    version      integer     NOT NULL,
    -- Null once it is deleted.
    document     jsonb,
    -- What it was learned from, and how many interviews count in it; null and 0 where somebody wrote it.
    learned_from integer,
    interviews   integer     NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    accepted_by  text        NOT NULL DEFAULT '',
    -- Null while it is proposed only.
    accepted_at  timestamptz,
    UNIQUE (owner, name, version)
);

CREATE INDEX banks_newest ON banks (created_at, id);
CREATE INDEX banks_owner ON banks (owner, created_at, id);

-- The version that a conversation was begun with, whose document it has, and what held in the end, where somebody said so.
ALTER TABLE conversations
    ADD COLUMN bank_id      uuid,
    ADD COLUMN bank_name    text    NOT NULL DEFAULT '',
    ADD COLUMN bank_version integer NOT NULL DEFAULT 0,
    ADD COLUMN outcome      text    NOT NULL DEFAULT '';

CREATE INDEX conversations_bank ON conversations (bank_id, created_at, id) WHERE bank_id IS NOT NULL;
