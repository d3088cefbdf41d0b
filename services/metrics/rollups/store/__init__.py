"""Every SQL statement about roll-ups, one async function a statement."""
