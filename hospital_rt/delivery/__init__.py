"""Delivery outside the page: mail, Web Push and iCalendar."""
