"""Clients of the service: one documented module, to be copied or installed beside ``aiohttp``."""
