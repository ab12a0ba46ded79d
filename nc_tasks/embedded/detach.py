"""Run as a script: starts a program that belongs to nobody, in a session of its own, and ends at once.

The program is nobody's child, so that no client has to wait for it; open pipes are handed on. This file
imports nothing of the project: it is run by its path, in the milliseconds of a bare interpreter.
"""

import os
import sys

if __name__ == "__main__" and os.fork() == 0:
    os.setsid()
    os.execv(sys.argv[1], sys.argv[1:])
