-- As attach_first_partition, for a table that is partitioned by days of a timestamptz: what was set aside, or made for it
-- (`<name>_first`), up to the end of this day (the next one, where that is only hours away), then fourteen days more, named
-- as servicekit/partitions.py names those after them, and a partition for times of clocks that are wrong.
CREATE PROCEDURE attach_first_partition_by_day(name text)
LANGUAGE plpgsql
AS $$
DECLARE
    day  timestamp := date_trunc('day', now() + interval '28 hours', 'UTC') AT TIME ZONE 'UTC';
    ends text[];
BEGIN
    SELECT array_agg(((day + days * interval '1 day') AT TIME ZONE 'UTC')::text ORDER BY days)
    INTO ends
    FROM generate_series(0, 14) AS days;
    EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', name, name || '_first', ends[1]
    );
    FOR later IN 1..14 LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
            name || to_char(day + (later - 1) * interval '1 day', '_YYYY_MM_DD'), name, ends[later], ends[later + 1]
        );
    END LOOP;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', name || '_default', name);
END
$$;
