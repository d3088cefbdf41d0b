-- What happened on boards is kept for a time; what is too old is found by when it happened, which is nearly the order of the rows.
CREATE INDEX board_events_at ON board_events USING brin (at);
