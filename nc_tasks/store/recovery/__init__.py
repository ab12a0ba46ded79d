"""What brings back work whose worker, memory or clock failed."""
