"""A zoo on this machine: its nets are trained and scanned by the workers."""
