"""Operations: metrics, health and network allow-lists."""
