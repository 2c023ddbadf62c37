"""Bulk API 2.0 ingest of the emulated org: jobs, their files, and their results."""
