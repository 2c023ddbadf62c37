"""What a process tells of itself: metrics and their list, logs, and the pages that serve."""
