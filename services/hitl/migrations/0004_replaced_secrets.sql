-- The secret before a rotation, sealed as the other; it signs beside the new one until that time.
ALTER TABLE webhooks
    ADD COLUMN replaced_secret bytea,
    ADD COLUMN replaced_secret_until timestamptz;
