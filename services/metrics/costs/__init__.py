"""What tokens cost: prices by version, and what has been used by the prices of its time."""
