-- All that is asked of one person.
CREATE TABLE sessions (
    id         uuid        PRIMARY KEY DEFAULT uuidv7(),
    owner      text        NOT NULL,
    -- As the owner calls them: what one has answered is never recalled for another.
    user_id    text        NOT NULL,
    context    text        NOT NULL,
    metadata   jsonb       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at  timestamptz
);

CREATE INDEX sessions_newest ON sessions (created_at, id);
CREATE INDEX sessions_owner ON sessions (owner, created_at, id);

CREATE TABLE conversations (
    id              uuid        PRIMARY KEY DEFAULT uuidv7(),
    session_id      uuid        NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    owner           text        NOT NULL,
    user_id         text        NOT NULL,
    topic           text        NOT NULL,
    context         text        NOT NULL,
    -- The whole goal, so that a conversation asks the same questions for ever.
    goal            jsonb       NOT NULL,
    metadata        jsonb       NOT NULL,
    status          text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'closed')),
    -- What the engine saw last. It can be had again from the goal and the answers.
    progress        jsonb       NOT NULL,
    questions_asked integer     NOT NULL DEFAULT 0,
    last_sequence   integer     NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at       timestamptz
);

CREATE INDEX conversations_newest ON conversations (created_at, id);
CREATE INDEX conversations_owner ON conversations (owner, created_at, id);
CREATE INDEX conversations_session ON conversations (session_id, created_at, id);

-- What was said, and nothing of it is ever changed but that an answer is marked as revised.
CREATE TABLE messages (
    id              uuid        PRIMARY KEY DEFAULT uuidv7(),
    conversation_id uuid        NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    sequence        integer     NOT NULL,
    message_type    text        NOT NULL CHECK (message_type IN ('question', 'answer', 'system')),
    content         text        NOT NULL,
    question_id     text        NOT NULL,
    state           text        NOT NULL,
    value           jsonb,
    source          jsonb,
    revises         uuid,
    metadata        jsonb       NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Of an answer, by what it is recalled, and for whom; null where it is not.
    owner           text        NOT NULL,
    user_id         text        NOT NULL,
    fact            bytea,
    words           bytea,
    UNIQUE (conversation_id, sequence)
);

CREATE INDEX messages_fact ON messages (owner, user_id, fact) WHERE fact IS NOT NULL;
CREATE INDEX messages_words ON messages (owner, user_id, words) WHERE words IS NOT NULL;
