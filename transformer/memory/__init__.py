"""The broker in memory, for tests on a manual clock: it can be told to misbehave."""
