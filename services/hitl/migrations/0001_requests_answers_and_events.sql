-- Questions to people. Documents are kept as json: to the letter, as they came.
CREATE TABLE human_requests (
    id                 text        PRIMARY KEY,
    request_type       text        NOT NULL,
    prompt             text        NOT NULL,
    options            text[]      NOT NULL,
    context            json        NOT NULL,
    timeout_seconds    integer     NOT NULL,
    status             text        NOT NULL DEFAULT 'pending'
                       CHECK (status IN ('pending', 'responded', 'expired', 'cancelled')),
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at         timestamptz NOT NULL,
    correlation_id     text        NOT NULL,
    response_schema    json,
    proposed_arguments json,
    arguments_schema   json,
    priority           text        NOT NULL,
    due_at             timestamptz,
    assignees          text[]      NOT NULL,
    groups             text[]      NOT NULL,
    tags               text[]      NOT NULL,
    callback_url       text        NOT NULL,
    -- What happens when its time is up: {"action", "default_response", "escalate_to", "escalate_timeout_seconds"}.
    on_expiry          json        NOT NULL,
    -- {"required", "voters", "veto"}; null where the first answer decides.
    quorum             json,
    four_eyes          boolean     NOT NULL,
    requester          text        NOT NULL,
    -- SHA-256 of what was asked and by whom: the same request again is told from another one with its id.
    body_digest        bytea       NOT NULL,
    claimed_by         text        NOT NULL DEFAULT '',
    claimed_at         timestamptz,
    viewed_by          text[]      NOT NULL DEFAULT '{}',
    ended_at           timestamptz,
    cancel_reason      text        NOT NULL DEFAULT '',
    words              tsvector    NOT NULL GENERATED ALWAYS AS (to_tsvector('simple', prompt)) STORED
);

CREATE INDEX human_requests_newest ON human_requests (created_at, id);
CREATE INDEX human_requests_correlation_id ON human_requests (correlation_id);
-- What the sweeper looks for, and the inbox.
CREATE INDEX human_requests_pending ON human_requests (expires_at) WHERE status = 'pending';
CREATE INDEX human_requests_words ON human_requests USING gin (words);

-- Every answer that was given. The database itself lets one person answer once, and one answer decide.
CREATE TABLE human_responses (
    id                uuid        PRIMARY KEY,
    human_request_id  text        NOT NULL REFERENCES human_requests (id),
    response          json        NOT NULL,
    responded_by      text        NOT NULL,
    created_at        timestamptz NOT NULL,
    response_metadata json        NOT NULL,
    comment           text        NOT NULL,
    edited_arguments  json,
    decides           boolean     NOT NULL,
    via               text        NOT NULL CHECK (via IN ('api', 'link', 'timeout')),
    -- The caller's, by which a retry gets the first answer; empty where there is none.
    idempotency_key   text        NOT NULL,
    body_digest       bytea       NOT NULL,
    UNIQUE (human_request_id, responded_by)
);

CREATE UNIQUE INDEX human_responses_one_decides ON human_responses (human_request_id) WHERE decides;

-- What happened. Whoever writes here holds an advisory lock until the commit, so numbers become visible in their
-- order: a reader that has seen one will never be shown a lower one.
CREATE TABLE human_request_events (
    sequence         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    human_request_id text        NOT NULL,
    kind             text        NOT NULL,
    at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    principal        text        NOT NULL,
    detail           json        NOT NULL
);

CREATE INDEX human_request_events_request ON human_request_events (human_request_id, sequence);

-- Who is told of events besides. The secret is encrypted.
CREATE TABLE webhooks (
    id            uuid        PRIMARY KEY,
    url           text        NOT NULL,
    kinds         text[]      NOT NULL,
    request_types text[]      NOT NULL,
    description   text        NOT NULL,
    paused        boolean     NOT NULL,
    secret        bytea       NOT NULL,
    etag          text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

-- The outbox: written in the transaction of the event, so what is sent has happened, and what happened is sent.
CREATE TABLE deliveries (
    id               uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Null where it goes to the callback of the request itself.
    webhook_id       uuid        REFERENCES webhooks (id) ON DELETE CASCADE,
    human_request_id text        NOT NULL,
    event_sequence   bigint      NOT NULL,
    event_kind       text        NOT NULL,
    url              text        NOT NULL,
    status           text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts         integer     NOT NULL DEFAULT 0,
    -- While it is pending: when it is tried next. Whoever tries it moves this past the time that a try may take, so it
    -- is tried again when that process dies.
    next_attempt_at  timestamptz NOT NULL DEFAULT now(),
    -- Of the try that is under way, null where none is: one that took too long cannot write over the next one's outcome.
    claim            uuid,
    last_status      integer     NOT NULL DEFAULT 0,
    last_error       text        NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at     timestamptz
);

CREATE INDEX deliveries_due ON deliveries (next_attempt_at, event_sequence) WHERE status = 'pending';
CREATE INDEX deliveries_newest ON deliveries (created_at, id);
CREATE INDEX deliveries_request ON deliveries (human_request_id, created_at, id);
CREATE INDEX deliveries_webhook ON deliveries (webhook_id, created_at, id);

-- Links by which one person answers one request once. Of the token only the SHA-256 is kept.
CREATE TABLE action_links (
    token_digest     bytea       PRIMARY KEY,
    human_request_id text        NOT NULL REFERENCES human_requests (id),
    person           text        NOT NULL,
    created_by       text        NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL,
    used_at          timestamptz
);
