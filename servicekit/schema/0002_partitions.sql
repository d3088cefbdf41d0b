-- The lowest UUIDv7 of a time: where a table is partitioned by such ids, its partitions are ranges of time.
CREATE FUNCTION lowest_uuid7(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Takes a table's name for a partitioned one that is to follow: the table itself is kept as `<name>_first`, to be attached
-- once the new one has its indexes. So nothing is copied, and no row is without a partition.
CREATE PROCEDURE set_aside_as_first_partition(name text)
LANGUAGE plpgsql
AS $$
DECLARE
    found record;
BEGIN
    EXECUTE format('ALTER TABLE %I RENAME TO %I', name, name || '_first');
    FOR found IN
        SELECT indexrelid::regclass::text AS index_name FROM pg_index WHERE indrelid = (name || '_first')::regclass
    LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', found.index_name, found.index_name || '_first');
    END LOOP;
    FOR found IN
        SELECT tgname FROM pg_trigger WHERE tgrelid = (name || '_first')::regclass AND NOT tgisinternal
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', found.tgname, name || '_first');
    END LOOP;
END
$$;

-- Attaches what was set aside, up to the end of this month (the next one, where that is only hours away), then makes three
-- months more, named as servicekit/partitions.py names those after them, and a partition for what no other one is for: ids
-- of clocks that are wrong.
CREATE PROCEDURE attach_first_partition(name text, key_type text)
LANGUAGE plpgsql
AS $$
DECLARE
    month timestamp := date_trunc('month', now() + interval '32 days', 'UTC') AT TIME ZONE 'UTC';
    ends  text[];
BEGIN
    SELECT array_agg(
        CASE key_type
            WHEN 'uuid' THEN lowest_uuid7((month + months * interval '1 month') AT TIME ZONE 'UTC')::text
            ELSE ((month + months * interval '1 month') AT TIME ZONE 'UTC')::text
        END
        ORDER BY months
    )
    INTO ends
    FROM generate_series(0, 3) AS months;
    EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', name, name || '_first', ends[1]
    );
    FOR later IN 1..3 LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
            name || to_char(month + (later - 1) * interval '1 month', '_YYYY_MM'), name, ends[later], ends[later + 1]
        );
    END LOOP;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', name || '_default', name);
END
$$;
