-- Claims and completions of many callers in one round trip: each that is saved is saved for all of them.

-- Of tasks that are pending, that nobody holds and that wait for nothing, gives leases to these, and says which as they are then.
-- Whoever calls this or the next has the board's lock, so the numbers that are read are the last ones.
CREATE FUNCTION grant_leases(of_project uuid, task_ids uuid[], holders text[], agents text[], lasting integer[])
RETURNS TABLE (place integer, task tasks) LANGUAGE plpgsql
-- Planned once, perhaps while there are few tasks, for when there are many.
SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    last bigint := (SELECT coalesce(max(sequence), 0) FROM board_events WHERE project_id = of_project);
BEGIN
    RETURN QUERY
    WITH wanted AS (
        SELECT *
        FROM unnest(task_ids, holders, agents, lasting) WITH ORDINALITY AS wanted (task_id, holder, agent, seconds, place)
    ), given AS (
        UPDATE tasks
        SET status = 'in_progress',
            completed_at = NULL,
            fencing_token = fencing_token + 1,
            lease_holder = wanted.holder,
            lease_agent = wanted.agent,
            lease_seconds = wanted.seconds,
            lease_acquired_at = clock_timestamp(),
            lease_expires_at = clock_timestamp() + make_interval(secs => wanted.seconds),
            attempts = attempts + 1,
            version = tasks.version + 1,
            log_sequence = log_sequence + 1,
            updated_at = clock_timestamp()
        FROM wanted
        WHERE tasks.id = wanted.task_id
          AND tasks.status = 'pending'
          AND tasks.deleted_at IS NULL
          AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
          AND NOT EXISTS (
              SELECT
              FROM task_dependencies
              JOIN tasks AS earlier ON earlier.id = task_dependencies.depends_on
              WHERE task_dependencies.task_id = tasks.id
                AND earlier.deleted_at IS NULL
                AND earlier.status <> 'completed'
          )
        RETURNING tasks.id, epic_id, attempts, fencing_token, log_sequence, updated_at, lease_holder, lease_agent,
                  wanted.place, tasks AS task
    ), begun AS (
        INSERT INTO task_attempts (task_id, number, holder, agent_id, fencing_token)
        SELECT id, attempts, lease_holder, lease_agent, fencing_token
        FROM given
    ), logged AS (
        INSERT INTO task_log (task_id, sequence, kind, principal, at, payload, numbered)
        SELECT id, log_sequence, 'leased', lease_holder, updated_at,
               json_build_object('agent_id', lease_agent, 'fencing_token', fencing_token), true
        FROM given
    ), told AS (
        INSERT INTO board_events (project_id, sequence, kind, principal, at, epic_id, task_id, log_sequence)
        SELECT of_project, last + row_number() OVER (ORDER BY place), 'task.leased', lease_holder, updated_at, epic_id,
               id, log_sequence
        FROM given
    )
    SELECT place::integer, task
    FROM given;
END
$$;

-- Completes those that need no other word: in work, held by this token, and nothing is demanded of them. Whoever waits for tasks is
-- told where there may be one now: some depends on one of these, or needs what one had.
CREATE FUNCTION complete_held(of_project uuid, task_ids uuid[], holders text[], tokens integer[])
RETURNS TABLE (place integer, task tasks) LANGUAGE plpgsql
SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    last bigint := (SELECT coalesce(max(sequence), 0) FROM board_events WHERE project_id = of_project);
    done record;
    frees boolean := false;
BEGIN
    FOR done IN
        WITH held AS (
            SELECT found.id, said.holder, said.place
            FROM unnest(task_ids, holders, tokens) WITH ORDINALITY AS said (task_id, holder, token, place)
            -- One by one, by its id: as a join it would be one with all that are leased.
            CROSS JOIN LATERAL (
                SELECT tasks.id
                FROM tasks
                WHERE tasks.id = said.task_id
                  AND tasks.project_id = of_project
                  AND tasks.deleted_at IS NULL
                  AND tasks.status = 'in_progress'
                  AND required_evidence = '{}'
                  AND lease_expires_at > clock_timestamp()
                  AND lease_holder = said.holder
                  AND fencing_token = said.token
                  AND NOT EXISTS (
                      SELECT
                      FROM task_dependencies
                      JOIN tasks AS earlier ON earlier.id = task_dependencies.depends_on
                      WHERE task_dependencies.task_id = tasks.id
                        AND earlier.deleted_at IS NULL
                        AND earlier.status <> 'completed'
                  )
                FOR UPDATE OF tasks SKIP LOCKED
            ) AS found
        ), written AS (
            UPDATE tasks
            SET status = 'completed',
                completed_at = clock_timestamp(),
                failed_attempts = 0,
                version = tasks.version + 1,
                log_sequence = log_sequence + 1,
                updated_at = clock_timestamp(),
                lease_holder = '',
                lease_agent = '',
                lease_acquired_at = NULL,
                lease_expires_at = NULL
            FROM held
            WHERE tasks.id = held.id
            RETURNING tasks.id, epic_id, attempts, fencing_token, log_sequence, updated_at, resources, held.holder,
                      held.place, tasks AS task
        ), ended AS (
            UPDATE task_attempts
            SET ended_at = updated_at,
                outcome = 'completed'
            FROM written
            WHERE task_attempts.task_id = written.id
              AND task_attempts.number = written.attempts
        ), logged AS (
            INSERT INTO task_log (task_id, sequence, kind, principal, at, payload, numbered)
            SELECT id, log_sequence, 'transitioned', holder, updated_at,
                   json_build_object('from', 'in_progress', 'to', 'completed', 'fencing_token', fencing_token::text), true
            FROM written
        ), told AS (
            INSERT INTO board_events (project_id, sequence, kind, principal, at, epic_id, task_id, log_sequence)
            SELECT of_project, last + row_number() OVER (ORDER BY place), 'task.transitioned', holder, updated_at, epic_id,
                   id, log_sequence
            FROM written
        )
        SELECT place::integer, task,
               resources <> '{}' OR EXISTS (SELECT FROM task_dependencies WHERE depends_on = written.id) AS frees
        FROM written
    LOOP
        place := done.place;
        task := done.task;
        frees := frees OR done.frees;
        RETURN NEXT;
    END LOOP;
    IF frees THEN
        PERFORM pg_notify('tasks_ready', of_project::text);
    END IF;
END
$$;

-- Completes and gives, in this order, in a project that is as the caller knows it: what was completed has its place among the first
-- arrays, what was given its place among the last ones, as a negative number. One row of 0 where nothing was done: the project is
-- another by now, or there is more to be looked at before something can be given.
CREATE FUNCTION complete_and_grant(
    of_project uuid, known_version integer,
    done_ids uuid[], done_holders text[], done_tokens integer[],
    wanted_tag text, wanted_holders text[], wanted_agents text[], wanted_lasting integer[]
) RETURNS TABLE (place integer, task tasks) LANGUAGE plpgsql
SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    wanted integer := cardinality(wanted_holders);
    best uuid[];
BEGIN
    -- The project is not deleted before the transaction ends.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('project ' || of_project::text, 0));
    IF NOT EXISTS (SELECT FROM projects WHERE id = of_project AND version = known_version AND deleted_at IS NULL)
        OR (
            wanted > 0
            AND (
                EXISTS (
                    SELECT
                    FROM tasks
                    WHERE project_id = of_project AND status = 'pending' AND deleted_at IS NULL AND resources <> '{}'
                )
                OR EXISTS (
                    SELECT
                    FROM tasks
                    WHERE project_id = of_project AND lease_expires_at <= statement_timestamp()
                )
            )
        )
    THEN
        RETURN QUERY SELECT 0, NULL::tasks;
        RETURN;
    END IF;
    -- Nobody else numbers events of the project before the transaction ends. Before any lock of a row.
    PERFORM pg_advisory_xact_lock(hashtextextended('board ' || of_project::text, 0));
    IF cardinality(done_ids) > 0 THEN
        RETURN QUERY SELECT * FROM complete_held(of_project, done_ids, done_holders, done_tokens);
    END IF;
    IF wanted > 0 THEN
        SELECT array_agg(id)
        INTO best
        FROM (
            SELECT id
            FROM tasks
            WHERE project_id = of_project
              AND status = 'pending'
              AND deleted_at IS NULL
              AND resources = '{}'
              AND (wanted_tag = '' OR wanted_tag = ANY(tags))
              AND NOT EXISTS (
                  SELECT
                  FROM task_dependencies
                  JOIN tasks AS earlier ON earlier.id = task_dependencies.depends_on
                  WHERE task_dependencies.task_id = tasks.id
                    AND earlier.deleted_at IS NULL
                    AND earlier.status <> 'completed'
              )
            ORDER BY priority DESC, created_at, id
            LIMIT wanted
            FOR UPDATE OF tasks SKIP LOCKED
        ) AS found;
    END IF;
    IF best IS NOT NULL THEN
        RETURN QUERY
        SELECT -given.place, given.task
        FROM grant_leases(
            of_project, best, wanted_holders[:cardinality(best)], wanted_agents[:cardinality(best)],
            wanted_lasting[:cardinality(best)]
        ) AS given;
    END IF;
END
$$;

-- Each change of a status leaves dead entries in the indexes, first of all where the next claim begins to look: they are taken away
-- when a fiftieth of the tasks has some, and not a fifth, without rests.
ALTER TABLE tasks SET (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);
