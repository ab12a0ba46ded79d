"""Sends one signed message, in bounded time whatever the receiver does."""

import http.client
import ipaddress
import socket
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from nc_core.errors import OptionRefused
from nc_tasks.webhooks.addresses import check_address
from nc_tasks.webhooks.bounded import Bounded, TimeLeft
from nc_tasks.webhooks.message import Message

TOTAL_SECONDS = 10.0
"""From the first look at the name to the last byte of the answer's head. The system's resolver alone cannot be
interrupted: where it takes longer, nothing is sent."""


def post(url: str, message: Message, *, allow_private: bool) -> int:
    """Send the message, signed now, and return the status; the answer's own body is not read.

    Raises OptionRefused for an address that may not be called, TimeoutError where the time is over, and what else
    OSError and HTTPException stand for.
    """
    time_left = TimeLeft(TOTAL_SECONDS)
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if tls else 80)
    connection = http.client.HTTPConnection(host, port)
    if tls:
        connection.default_port = http.client.HTTPS_PORT
    # The socket is already there, with TLS where it is wanted: this writes the request alone.
    connection.sock = Bounded(_connected(host, port, allow_private, tls, time_left), time_left)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, message.body, message.headers(datetime.now(UTC)))
        return connection.getresponse().status
    finally:
        connection.close()


def _connected(host: str, port: int, allow_private: bool, tls: bool, time_left: TimeLeft) -> socket.socket:
    """A connection to an address that was looked at."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OptionRefused(f"callback host {host[:200]!r} is no name: a part of it is empty or too long") from None
    for *_, address in found:
        literal = ipaddress.ip_address(str(address[0]).partition("%")[0])
        check_address(host, literal, allow_private=allow_private)
    family, kind, protocol, _, address = found[0]
    plain = socket.socket(family, kind, protocol)
    try:
        plain.settimeout(time_left.seconds())
        plain.connect(address)
        plain.settimeout(time_left.seconds())
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host) if tls else plain
    except BaseException:
        plain.close()
        raise
