"""The mapping language: YAML in, upserts out. Pure: no I/O, no clock, no await."""
