"""Pipedrive as a destination: its client, its errors as data, its mapping and its emulator."""
