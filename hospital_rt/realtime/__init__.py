"""Core of the live channel: feeds, send queues, pub/sub and the wire protocol."""
