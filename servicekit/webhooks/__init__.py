"""Telling others by HTTP, after the Standard Webhooks specification: secrets, signatures, tries and pauses."""
