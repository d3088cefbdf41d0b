-- What is listed walks one index, newest first, and what is pending one of its own that is as long as what is pending
-- (docs/decisions/0022-lists-of-the-present.md).
CREATE INDEX human_requests_open ON human_requests (created_at, id) WHERE status = 'pending';
CREATE INDEX human_requests_open_type ON human_requests (request_type, created_at, id) WHERE status = 'pending';
CREATE INDEX human_requests_open_requester ON human_requests (requester, created_at, id) WHERE status = 'pending';
CREATE INDEX human_requests_status ON human_requests (status, created_at, id);
CREATE INDEX human_requests_type ON human_requests (request_type, created_at, id);
CREATE INDEX human_requests_requester ON human_requests (requester, created_at, id);
CREATE INDEX human_requests_correlation ON human_requests (correlation_id, created_at, id);
DROP INDEX human_requests_correlation_id;
-- For whoever was rarely asked, and rare tags. What is frequent is found among the newest, what is pending above.
CREATE INDEX human_requests_assignees ON human_requests USING gin (assignees);
CREATE INDEX human_requests_groups ON human_requests USING gin (groups);
CREATE INDEX human_requests_tags ON human_requests USING gin (tags);

CREATE INDEX deliveries_status ON deliveries (status, created_at, id);
CREATE INDEX deliveries_webhook_status ON deliveries (webhook_id, status, created_at, id);
