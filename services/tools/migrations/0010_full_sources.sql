-- How a tool is reached whose arguments go to places that the release before does not know; `source` is null then, so that
-- it lists the tool and does not run it.
ALTER TABLE tools
    ADD COLUMN full_source json;
