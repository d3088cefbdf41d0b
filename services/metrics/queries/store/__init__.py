"""Every SQL statement about what is asked, one async function a statement."""
