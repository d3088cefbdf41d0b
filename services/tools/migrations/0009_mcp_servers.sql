-- MCP servers, whose tools are tools of the catalogue.
CREATE TABLE mcp_servers (
    name            text        PRIMARY KEY,
    -- How it is reached: `url` and `headers`, or `command`.
    transport       json        NOT NULL,
    -- What its tools have as long as they have none of their own.
    approval        json,
    timeout_seconds integer     NOT NULL,
    max_concurrency integer     NOT NULL,
    etag            text        NOT NULL,
    digest          text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    -- When it was last listed, and what of that the catalogue does not take.
    refreshed_at    timestamptz,
    refused         json        NOT NULL DEFAULT '[]'
);

-- How it stands for each replica; what a dead one saw goes with it.
CREATE TABLE mcp_connections (
    server  text        NOT NULL REFERENCES mcp_servers (name) ON DELETE CASCADE,
    replica uuid        NOT NULL REFERENCES replicas (id) ON DELETE CASCADE,
    state   text        NOT NULL CHECK (state IN ('connecting', 'available', 'unavailable')),
    since   timestamptz NOT NULL,
    reason  text        NOT NULL,
    PRIMARY KEY (server, replica)
);

CREATE INDEX mcp_connections_replica ON mcp_connections (replica);

-- How it stands for all together: as well as for the one for which it stands best.
CREATE VIEW mcp_standings AS
SELECT DISTINCT ON (server) server, state, since, reason
FROM mcp_connections
ORDER BY server, state, since;

-- The release before knows no such kind, lists these tools and runs none of them.
ALTER TABLE tools DROP CONSTRAINT tools_kind_check;
ALTER TABLE tools
    ADD CONSTRAINT tools_kind_check CHECK (kind IN ('builtin', 'plugin', 'http', 'grpc', 'mcp')),
    ADD COLUMN mcp_server text REFERENCES mcp_servers (name) ON DELETE CASCADE,
    ADD COLUMN mcp_tool text NOT NULL DEFAULT '',
    ADD COLUMN mcp_digest text NOT NULL DEFAULT '',
    -- Whether it was given settings of its own, which its server's do not change.
    ADD COLUMN own_settings boolean NOT NULL DEFAULT false,
    -- Since when its server lists it no more.
    ADD COLUMN gone_at timestamptz;

CREATE UNIQUE INDEX tools_mcp ON tools (mcp_server, mcp_tool) WHERE mcp_server IS NOT NULL;
