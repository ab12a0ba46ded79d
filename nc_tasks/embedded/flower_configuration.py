"""Flower's configuration, read by the command line that `nc_tasks.embedded.flower` builds.

Flower answers /metrics and /healthcheck to everybody who reaches it: it listens on a socket in a private folder of the
home, or on the loopback address, and the API passes admins through to it under /flower/.
"""

import socket

from tornado import netutil

from nc_tasks.views.monitor import format_task

__all__ = ["format_task"]

_bound = netutil.bind_unix_socket


def _privately(file: str, mode: int = 0o600, backlog: int = 128) -> socket.socket:
    """Flower asks for a socket that everybody may use, whatever the umask: ours is its owner's alone."""
    return _bound(file, mode & 0o700, backlog)


netutil.bind_unix_socket = _privately

address = "127.0.0.1"
url_prefix = "flower"
read_only = True
# Keyword arguments name submission, label and round: kwargs:submission=ID kwargs:label=42 finds one task.
tasks_columns = "name,kwargs,result,state,received,runtime,worker"
max_tasks = 100_000
# Ours send their events from the start: none need be told to, every five seconds.
enable_events = False
# What a finished worker was called is of no use for long, and would stay in the metrics.
purge_offline_workers = 24 * 3600
