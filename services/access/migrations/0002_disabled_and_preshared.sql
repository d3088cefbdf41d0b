ALTER TABLE keys
    -- Since when the key is not valid, until somebody enables it again.
    ADD COLUMN disabled_at timestamptz,
    -- Whether the environment gave it, so that its absence there ends it. Set when the file is next read, for keys that
    -- stand in it.
    ADD COLUMN preshared boolean NOT NULL DEFAULT false;
