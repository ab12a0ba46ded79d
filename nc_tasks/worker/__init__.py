"""A worker process: what it opens, keeps alive and keeps warm for the tasks that it runs, and what ends it."""
