"""Replay: dead letters back to the topics they came from, each once, and none over newer values."""
