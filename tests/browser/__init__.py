"""Journeys of people through the dashboard, in a real browser against the real system."""
