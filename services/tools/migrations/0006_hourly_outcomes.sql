-- How often tools ended how, and how long they took, by the hour in which they were asked for: what summaries are added up
-- from, however long the audit has grown (docs/decisions/0022-lists-of-the-present.md). Outcomes are counted in the order of
-- their chains, some seconds after they were written, so each is counted once, whoever wrote it.
CREATE TABLE hourly_outcomes (
    hour      timestamptz NOT NULL,
    -- Who asked; empty: everybody together.
    principal text        NOT NULL,
    tool_name text        NOT NULL,
    status    text        NOT NULL,
    -- A histogram of durations: step n has those from 1.04^n microseconds on; -1 those that humans were asked about.
    steps     smallint[]  NOT NULL,
    counts    integer[]   NOT NULL
);
CALL set_aside_as_first_partition('hourly_outcomes');
CREATE TABLE hourly_outcomes (LIKE hourly_outcomes_first INCLUDING CONSTRAINTS) PARTITION BY RANGE (hour);
ALTER TABLE hourly_outcomes ADD PRIMARY KEY (principal, hour, tool_name, status);
CALL attach_first_partition('hourly_outcomes', 'timestamptz');

-- Up to which receipt the outcomes of a chain are counted. What was there before is counted after the start, bit by bit.
ALTER TABLE chains ADD COLUMN counted_sequence integer NOT NULL DEFAULT 0;
