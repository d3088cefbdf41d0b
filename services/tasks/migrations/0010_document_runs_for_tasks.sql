-- Documents are made for the holders of leases, too.
ALTER TABLE task_work DROP CONSTRAINT task_work_kind_check;
ALTER TABLE task_work ADD CONSTRAINT task_work_kind_check CHECK (kind IN ('invocation', 'human_request', 'document_run'));
