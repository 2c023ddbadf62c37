"""The documentation under test: what it says is so."""
