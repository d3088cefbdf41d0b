-- What was found of tags of tasks. Each time that somebody looked is one, but for what they said again within minutes.
CREATE TABLE assumption_validations (
    id           uuid        PRIMARY KEY DEFAULT uuidv7(),
    project_id   uuid        NOT NULL REFERENCES projects (id),
    epic_id      uuid        NOT NULL REFERENCES epics (id),
    task_id      uuid        NOT NULL REFERENCES tasks (id),
    tag          text        NOT NULL,
    tag_type     text        NOT NULL,
    outcome      text        NOT NULL CHECK (outcome IN ('validated', 'rejected', 'partial')),
    confidence   smallint    NOT NULL CHECK (confidence BETWEEN 0 AND 100),
    reason       text        NOT NULL,
    validator    text        NOT NULL,
    agent_id     text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    validated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX assumption_validations_newest ON assumption_validations (created_at, id);
CREATE INDEX assumption_validations_project ON assumption_validations (project_id, created_at, id);
CREATE INDEX assumption_validations_task ON assumption_validations (task_id, tag);
