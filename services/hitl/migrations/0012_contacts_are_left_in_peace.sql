-- How much a contact was told lately.
CREATE INDEX deliveries_contact_told ON deliveries (contact_id, delivered_at) WHERE contact_id IS NOT NULL;
