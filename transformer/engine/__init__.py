"""The engine: the records of one connection on their way to their results. Knows no CRM."""
