-- What happens on a board, by numbers without gap: each change has one before its transaction is committed, whoever makes it.

-- What happened to a project and its epics, as task_log has it of tasks.
CREATE TABLE project_log (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id uuid        NOT NULL REFERENCES projects (id),
    -- Null: of the project itself.
    epic_id    uuid        REFERENCES epics (id),
    kind       text        NOT NULL,
    principal  text        NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    payload    json        NOT NULL DEFAULT '{}'
);

-- True of what callers say: its kind is a word of theirs, which may be one of ours.
ALTER TABLE task_log ADD COLUMN said boolean NOT NULL DEFAULT false;

-- No foreign keys: each would lock a row that everybody who works on the board needs, and nothing here is deleted for real.
CREATE TABLE board_events (
    project_id   uuid        NOT NULL,
    sequence     bigint      NOT NULL,
    kind         text        NOT NULL,
    principal    text        NOT NULL,
    at           timestamptz NOT NULL,
    epic_id      uuid,
    task_id      uuid,
    -- Of the entry that says more of it: in task_log where there is a task, else in project_log; null where none does.
    log_sequence bigint,
    PRIMARY KEY (project_id, sequence)
);

-- Remembers, until the transaction ends, that it writes on a board.
CREATE FUNCTION note_board(of_project uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    noted text := coalesce(current_setting('qmcp.boards', true), '');
BEGIN
    IF position(of_project::text IN noted) = 0 THEN
        PERFORM set_config('qmcp.boards', noted || ' ' || of_project::text, true);
    END IF;
END
$$;

-- Numbers an event. Others of the project wait here for the end of this transaction, so it is called when nothing else is left to do:
-- then nobody who waits for it holds what it would wait for, and a number that is read has all before it. Whoever writes on several
-- boards takes all of them at first, in their order.
CREATE FUNCTION number_board_event(
    of_project uuid, kind text, principal text, at timestamptz, of_epic uuid, of_task uuid, of_entry bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    noted text := coalesce(current_setting('qmcp.boards', true), '');
    board text;
BEGIN
    IF noted <> '' THEN
        FOR board IN SELECT unnest(string_to_array(ltrim(noted), ' ')) AS named ORDER BY named LOOP
            PERFORM pg_advisory_xact_lock(hashtextextended('board ' || board, 0));
        END LOOP;
        PERFORM set_config('qmcp.boards', '', true);
    END IF;
    INSERT INTO board_events (project_id, sequence, kind, principal, at, epic_id, task_id, log_sequence)
    SELECT of_project, coalesce(max(sequence), 0) + 1, $2, $3, $4, of_epic, of_task, of_entry
    FROM board_events
    WHERE project_id = of_project;
END
$$;

CREATE FUNCTION task_logged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM number_board_event(
        project_id, CASE WHEN NEW.said THEN 'task.logged' ELSE 'task.' || NEW.kind END, NEW.principal, NEW.at, epic_id, id, NEW.sequence
    )
    FROM tasks
    WHERE id = NEW.task_id;
    RETURN NULL;
END
$$;
CREATE FUNCTION task_noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_board(project_id) FROM tasks WHERE id = NEW.task_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER task_log_noted AFTER INSERT ON task_log FOR EACH ROW EXECUTE FUNCTION task_noted();
CREATE CONSTRAINT TRIGGER task_log_on_board AFTER INSERT ON task_log
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION task_logged();

CREATE FUNCTION project_logged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM number_board_event(
        NEW.project_id,
        CASE WHEN NEW.epic_id IS NULL THEN 'project.' ELSE 'epic.' END || NEW.kind,
        NEW.principal,
        NEW.at,
        NEW.epic_id,
        NULL,
        NEW.id
    );
    RETURN NULL;
END
$$;
-- Of a row that has the project itself.
CREATE FUNCTION project_noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_board(NEW.project_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER project_log_noted AFTER INSERT ON project_log FOR EACH ROW EXECUTE FUNCTION project_noted();
CREATE CONSTRAINT TRIGGER project_log_on_board AFTER INSERT ON project_log
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION project_logged();

-- A lease that is renewed, and nothing else, is in no log.
CREATE FUNCTION task_renewed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM number_board_event(
        NEW.project_id, 'task.renewed', NEW.lease_holder, clock_timestamp(), NEW.epic_id, NEW.id, NULL
    );
    RETURN NULL;
END
$$;
CREATE TRIGGER tasks_renewed_noted AFTER UPDATE OF lease_expires_at ON tasks
    FOR EACH ROW
    WHEN (NEW.log_sequence = OLD.log_sequence AND NEW.lease_expires_at > OLD.lease_expires_at)
    EXECUTE FUNCTION project_noted();
CREATE CONSTRAINT TRIGGER tasks_renewed_on_board AFTER UPDATE OF lease_expires_at ON tasks
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.log_sequence = OLD.log_sequence AND NEW.lease_expires_at > OLD.lease_expires_at)
    EXECUTE FUNCTION task_renewed();
