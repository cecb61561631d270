"""The live channel's kernel: feeds, send queues, pub/sub and the wire protocol."""
