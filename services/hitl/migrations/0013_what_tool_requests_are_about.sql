-- The tool that a request is about, as it was when that was asked: roles and keys that are for some tools alone see those. Empty: no tool.
ALTER TABLE human_requests
    ADD COLUMN tool_name text NOT NULL DEFAULT '',
    ADD COLUMN tool_tags text[] NOT NULL DEFAULT '{}',
    ADD COLUMN tool_labels json NOT NULL DEFAULT '{}';

-- What tools asked before says it in the context.
UPDATE human_requests
SET tool_name = coalesce(context ->> 'tool_name', '')
WHERE tags @> ARRAY['tool-approval'];
