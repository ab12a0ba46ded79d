"""Servers that tests start themselves, each on a free port or socket of this machine, and stop again."""
