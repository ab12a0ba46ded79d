"""Untrusted files are read in a process of their own that can do nothing but read them.

`admit.py` is its face; `child.py` is what it starts. Nothing is imported here: the child would wait for it.
"""
