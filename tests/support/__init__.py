"""What tests share: drivers, processes, stand-in servers."""
