-- By what access says whether whoever asked still may (`key:<id>`, `roles:<names>`), what they must have for that, and
-- whether they were found to have lost it. Empty where nobody checks, and of what the release before asked.
ALTER TABLE human_requests
    ADD COLUMN requester_reference   text    NOT NULL DEFAULT '',
    ADD COLUMN requester_permission  text    NOT NULL DEFAULT '',
    ADD COLUMN requester_lost_access boolean NOT NULL DEFAULT false;

CREATE INDEX human_requests_open_references
    ON human_requests (requester_reference, requester_permission, requester_lost_access)
    WHERE status = 'pending' AND requester_reference <> '';
