"""Everything that running it takes; the program does not import this."""
