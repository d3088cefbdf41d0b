"""One person answers one request by a link, without a key."""
