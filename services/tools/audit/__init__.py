"""The audit: what was intended and how it ended, on record, with the receipts that prove it."""
