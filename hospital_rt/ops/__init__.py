"""What operators read: metrics, health and network allow-lists."""
