-- What RPCs answered under a client's idempotency_key, so that a retry gets the same answer.
CREATE TABLE idempotency_keys (
    principal   text        NOT NULL,
    method      text        NOT NULL,
    idempotency_key  text        NOT NULL,
    body_digest bytea       NOT NULL,
    response    bytea,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, method, idempotency_key)
);

CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
