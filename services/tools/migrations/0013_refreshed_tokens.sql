-- Tokens that all replicas share, because a refresh token may be good for one use: what authorization servers gave, sealed, and which
-- replica is asking for the next (docs/decisions/0048-upstream-credentials.md).
CREATE TABLE refreshed_tokens (
    credential     text        NOT NULL,
    -- A digest of what declares the credential.
    declaration    text        NOT NULL,
    -- How often it was renewed.
    version        bigint      NOT NULL,
    -- The refresh token, the access token and its lifetime; null until it was renewed for the first time.
    sealed         bytea,
    -- When the access token ends.
    expires_at     timestamptz,
    renewing_by    uuid,
    renewing_until timestamptz,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (credential, declaration)
);
