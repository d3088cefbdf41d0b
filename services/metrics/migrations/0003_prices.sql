-- What tokens cost, a table for each change: those that held once are needed for what was used then.
CREATE TABLE price_tables (
    version    integer     PRIMARY KEY,
    effective_at timestamptz NOT NULL,
    -- A list of model, type of tokens, US dollars a million.
    prices     jsonb       NOT NULL,
    created_by text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX price_tables_effective_at ON price_tables (effective_at, version);
