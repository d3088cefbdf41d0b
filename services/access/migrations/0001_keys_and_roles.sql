-- Sets of permissions. The built-in ones are written by the service when it starts.
CREATE TABLE roles (
    name        text        PRIMARY KEY,
    permissions text[]      NOT NULL,
    description text        NOT NULL,
    built_in    boolean     NOT NULL,
    etag        text        NOT NULL
);

CREATE TABLE keys (
    id              text        PRIMARY KEY,
    owner           text        NOT NULL,
    service_name    text        NOT NULL,
    description     text        NOT NULL,
    roles           text[]      NOT NULL,
    rate_per_minute integer     NOT NULL,
    -- SHA-256 of the secret. A secret has 32 random bytes, so no salt and no slow hash are needed.
    digest          bytea       NOT NULL,
    -- The digest before the last rotation, and how long it is still good.
    old_digest      bytea,
    old_valid_until timestamptz,
    expires_at      timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_used_at    timestamptz,
    revoked_at      timestamptz
);

CREATE INDEX keys_created_at ON keys (created_at, id);
CREATE INDEX keys_owner ON keys (owner, created_at, id);
CREATE INDEX keys_roles ON keys USING gin (roles);

-- What services refused, and how often within a moment.
CREATE TABLE denials (
    id             uuid        PRIMARY KEY DEFAULT uuidv7(),
    at             timestamptz NOT NULL,
    service        text        NOT NULL,
    method         text        NOT NULL,
    reason         text        NOT NULL,
    permission     text        NOT NULL,
    principal      text        NOT NULL,
    correlation_id text        NOT NULL,
    request_id     text        NOT NULL,
    count          integer     NOT NULL
);

CREATE INDEX denials_principal ON denials (principal, id);
