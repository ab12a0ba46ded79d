"""The stack behind `cleanse run`: a broker, workers and a supervisor that need no service on the machine.

supervisor    one detached process per home; it starts the others and restarts what dies
broker        a Valkey server on a unix socket that only its owner can open, never on TCP
commands      the command lines of the workers
client        attach, stop, ask: what the command line uses
clients       who is attached, and what each wants
"""
