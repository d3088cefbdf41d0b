"""Roll-ups: what events are together, by minute, hour and day, and how their values are spread."""
