-- Who may answer whatever is assigned later: {"assignees", "groups"}; null where an assignment replaces who is asked.
ALTER TABLE human_requests ADD COLUMN eligible json;
