-- Questions that are asked again and again. Whoever evaluates one holds its claim until `leased_until`, and writes its state only
-- while it does: so a change of the state is found once, whichever of the replicas look.
CREATE TABLE monitors (
    id           uuid        PRIMARY KEY,
    -- What is watched, when it fires and what is done then (services/metrics/monitors/models.py).
    definition   jsonb       NOT NULL,
    paused       boolean     NOT NULL,
    -- Sealed.
    secret       bytea       NOT NULL,
    etag         text        NOT NULL,
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_by   text        NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    -- Empty until it was evaluated.
    state        text        NOT NULL DEFAULT '' CHECK (state IN ('', 'ok', 'firing', 'no_data')),
    state_since  timestamptz,
    value        double precision,
    -- Evaluations in a row that speak for another state, and which that is.
    streak       integer     NOT NULL DEFAULT 0,
    streak_state text        NOT NULL DEFAULT '',
    evaluated_at timestamptz,
    last_error   text        NOT NULL DEFAULT '',
    due_at       timestamptz NOT NULL DEFAULT now(),
    claim        uuid,
    leased_until timestamptz
);
CREATE INDEX monitors_due ON monitors (due_at) WHERE NOT paused;
CREATE INDEX monitors_listed ON monitors (created_at, id);

-- The history; it outlives its monitors.
CREATE TABLE monitor_transitions (
    id             uuid             PRIMARY KEY,
    monitor_id     uuid             NOT NULL,
    monitor_name   text             NOT NULL,
    from_state     text             NOT NULL,
    state          text             NOT NULL,
    at             timestamptz      NOT NULL,
    value          double precision,
    judged_by      double precision NOT NULL,
    window_start   timestamptz      NOT NULL,
    window_end     timestamptz      NOT NULL,
    invocation_ids text[]           NOT NULL
);
CREATE INDEX monitor_transitions_listed ON monitor_transitions (at, id);
CREATE INDEX monitor_transitions_of_monitor ON monitor_transitions (monitor_id, at, id);

-- What is to be done about a transition, written with it.
CREATE TABLE monitor_actions (
    id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    transition_id   uuid        NOT NULL REFERENCES monitor_transitions ON DELETE CASCADE,
    position        integer     NOT NULL,
    kind            text        NOT NULL,
    -- As the monitor's definition had it.
    action          jsonb       NOT NULL,
    asked_by        text        NOT NULL,
    status          text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'done', 'failed')),
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    claim           uuid,
    last_error      text        NOT NULL DEFAULT '',
    done_at         timestamptz
);
CREATE UNIQUE INDEX monitor_actions_of_transition ON monitor_actions (transition_id, position);
CREATE INDEX monitor_actions_due ON monitor_actions (next_attempt_at) WHERE status = 'pending';
