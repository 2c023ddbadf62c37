"""Backlogs by Bulk API 2.0 jobs: every row of a job has its outcome, also after a crash."""
