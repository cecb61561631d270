"""The domain: time, schedules, courses and adherence. No database, no network, no HTTP."""
