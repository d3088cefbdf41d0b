-- What an answer must be: of a Jinja template that follows from its contract, which is read where it runs.
ALTER TABLE run_human_requests ADD COLUMN response_schema json;
