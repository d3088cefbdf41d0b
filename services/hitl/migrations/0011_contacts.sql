-- Where people are told that they are asked (protos/qmcp/hitl/v1/contact.proto).
CREATE TABLE contacts (
    id          uuid        PRIMARY KEY,
    kind        text        NOT NULL CHECK (kind IN ('email', 'slack', 'mattermost', 'teams')),
    address     text        NOT NULL,
    person      text        NOT NULL,
    groups      text[]      NOT NULL,
    -- Null where there are none.
    quiet_begin time,
    quiet_end   time,
    time_zone   text        NOT NULL,
    digest_from integer     NOT NULL,
    description text        NOT NULL,
    paused      boolean     NOT NULL,
    etag        text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contacts_person ON contacts (person);
CREATE INDEX contacts_groups ON contacts USING gin (groups);

-- When something may be sent that is due at a time: then, or when the quiet hours end in which that lies.
CREATE FUNCTION after_quiet_hours(at timestamptz, quiet_begin time, quiet_end time, time_zone text)
    RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN NOT coalesce(
            CASE WHEN quiet_begin <= quiet_end THEN clock >= quiet_begin AND clock < quiet_end
                 ELSE clock >= quiet_begin OR clock < quiet_end
            END, false
        ) THEN at
        WHEN clock < quiet_end THEN (day + quiet_end) AT TIME ZONE time_zone
        ELSE (day + 1 + quiet_end) AT TIME ZONE time_zone
    END
    FROM (SELECT (at AT TIME ZONE time_zone)::date AS day, (at AT TIME ZONE time_zone)::time AS clock) AS there
$$;

-- A delivery to a contact has no URL of its own, so that the release before sends it nowhere.
ALTER TABLE deliveries ADD COLUMN contact_id uuid REFERENCES contacts (id) ON DELETE CASCADE;
CREATE INDEX deliveries_contact ON deliveries (contact_id, human_request_id) WHERE contact_id IS NOT NULL;

-- Links that were sent to a contact: for whose groups they count too, and by what they came. They go with the contact.
ALTER TABLE action_links
    ADD COLUMN contact_id uuid REFERENCES contacts (id) ON DELETE CASCADE,
    ADD COLUMN groups     text[] NOT NULL DEFAULT '{}',
    ADD COLUMN channel    text   NOT NULL DEFAULT '';
