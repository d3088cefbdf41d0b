"""Templates that say `【FIELD】` where a value shall stand."""
