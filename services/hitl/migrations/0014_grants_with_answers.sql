-- With which answer, and by whom, the requester may be let do the same again without being asked; null: by nobody.
ALTER TABLE human_requests
    ADD COLUMN grant_offer json;

-- What whoever answered lets the requester do so; null: nothing.
ALTER TABLE human_responses
    ADD COLUMN granted json;
