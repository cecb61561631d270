"""HTTP building blocks: problems, strict JSON, rate limits, tokens, passwords, API descriptions."""
