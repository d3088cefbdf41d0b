-- Denials in partitions by time (docs/decisions/0024-partitions-by-time.md): what is too old is dropped by month.
CALL set_aside_as_first_partition('denials');
CREATE TABLE denials (LIKE denials_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (id);
ALTER TABLE denials ADD PRIMARY KEY (id);
CREATE INDEX denials_principal ON denials (principal, id);
CREATE INDEX denials_at ON denials USING brin (at);
CALL attach_first_partition('denials', 'uuid');
