-- Lists of what somebody is rarely asked, or sees, are found by names (docs/decisions/0022-lists-of-the-present.md).
CREATE FUNCTION eligible_names(eligible json, kind text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT ARRAY(SELECT json_array_elements_text(eligible -> kind))
$$;

CREATE INDEX human_requests_eligible_assignees ON human_requests
    USING gin (eligible_names(eligible, 'assignees')) WHERE eligible IS NOT NULL;
CREATE INDEX human_requests_eligible_groups ON human_requests
    USING gin (eligible_names(eligible, 'groups')) WHERE eligible IS NOT NULL;
-- What is asked of nobody in particular, or may be: those are told apart row by row.
CREATE INDEX human_requests_of_nobody ON human_requests (created_at, id)
    WHERE assignees = '{}' AND groups = '{}' OR eligible IS NOT NULL;
CREATE INDEX human_responses_by_person ON human_responses (responded_by, human_request_id) WHERE via = 'api';
