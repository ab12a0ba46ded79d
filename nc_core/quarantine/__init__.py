"""Untrusted files are read in a process of their own that can do nothing but read them.

`admit.py` is the door; `child.py` is what runs behind it. Nothing is imported here: the child would wait for it.
"""
