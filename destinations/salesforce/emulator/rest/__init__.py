"""The REST routes of the emulated org."""
