-- Claims and completions that share a transaction: they number their events themselves, and touch as few indexes as can be.

-- Whoever writes an entry that is numbered writes its event in the same statement, and has the board's lock.
ALTER TABLE task_log ADD COLUMN numbered boolean NOT NULL DEFAULT false;

DROP TRIGGER task_log_noted ON task_log;
CREATE TRIGGER task_log_noted AFTER INSERT ON task_log
    FOR EACH ROW WHEN (NOT NEW.numbered) EXECUTE FUNCTION task_noted();
DROP TRIGGER task_log_on_board ON task_log;
CREATE CONSTRAINT TRIGGER task_log_on_board AFTER INSERT ON task_log
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NOT NEW.numbered) EXECUTE FUNCTION task_logged();

-- Each cost a look at the task for every row, and whoever writes one holds the task's row; no task is ever deleted for real.
ALTER TABLE task_log DROP CONSTRAINT task_log_task_id_fkey;
ALTER TABLE task_attempts DROP CONSTRAINT task_attempts_task_id_fkey;

-- What is held. What expires next is found by tasks_expiring, of whichever project.
CREATE INDEX tasks_holding ON tasks (project_id) WHERE lease_expires_at IS NOT NULL AND resources <> '{}';
DROP INDEX tasks_leased;
