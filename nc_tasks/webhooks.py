"""Tells callback addresses that a submission has ended: signed, and to no address inside the network.

The body is JSON. `Cleanse-Signature: t=SECONDS,v1=HEX` holds the time and the HMAC-SHA256 of "SECONDS.BODY" under the
owner's secret: a receiver that compares both knows who sent it and that it is no old message. A name is resolved here,
once, and the connection goes to the address that was looked at: a name that changes its mind meanwhile leads nowhere
else. Redirects are not followed.
"""

import hmac
import http.client
import ipaddress
import json
import logging
import socket
import ssl
import time
from typing import Any
from urllib.parse import SplitResult, urlsplit

from sqlalchemy.orm import Session

from nc_core.errors import OptionRefused
from nc_tasks.settings import Settings
from nc_tasks.store import Delivery, Store, deliveries, detections, secrets, submissions
from nc_tasks.version import package_version

log = logging.getLogger(__name__)

AT_ONCE = 20
"""Messages of one look of the sweeper."""
TIMEOUT_SECONDS = 10.0
SIGNATURE = "Cleanse-Signature"


def deliver(store: Store, settings: Settings) -> int:
    """Send every message that is due; returns how many were taken by their receivers."""
    with store.read() as session:
        if not deliveries.any_due(session):
            return 0
    with store.write() as session:
        deliveries.release_ended(session)
        taken = deliveries.take(session, most=AT_ONCE)
    return sum(_deliver(store, settings, delivery) for delivery in taken)


def _deliver(store: Store, settings: Settings, delivery: Delivery) -> bool:
    with store.write() as session:
        body, secret = _message(session, delivery)
    try:
        status = post(delivery.url, body, secret, allow_private=settings.callback_private)
    except OptionRefused as error:
        with store.write() as session:
            deliveries.failed(session, delivery=delivery, status=None, reason=str(error), final=True)
        return False
    except (OSError, http.client.HTTPException) as error:
        with store.write() as session:
            deliveries.failed(session, delivery=delivery, status=None, reason=_in_words(error)[:500])
        return False
    with store.write() as session:
        if 200 <= status < 300:
            deliveries.sent(session, delivery=delivery, status=status)
        else:
            deliveries.failed(session, delivery=delivery, status=status, reason=f"answered with {status}")
    return 200 <= status < 300


def _in_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        fault = error.verify_message.rstrip(".")
        return f"its certificate is not trusted: {fault} (SSL_CERT_FILE names the authorities that are)"
    return f"{type(error).__name__}: {error}"


def _message(session: Session, delivery: Delivery) -> tuple[bytes, str]:
    """The body, and the secret it is signed with."""
    submission = submissions.get(session, submission_id=delivery.submission_id)
    found = detections.get(session, submission_id=delivery.submission_id)
    body: dict[str, Any] = {
        "event": "submission.ended",
        "delivery": delivery.id,
        "submission": submission.id,
        "state": submission.state,
        "verdict": None if found is None else found.verdict,
        "reason": submission.reason if found is None else found.reason,
        "flagged_labels": [] if found is None else found.body["flagged_labels"],
        "model": {"sha256": submission.model_sha256, "name": submission.model_name},
        "tags": submission.tags,
    }
    return json.dumps(body).encode(), secrets.webhook_secret(session, owner=submission.owner)


def post(url: str, body: bytes, secret: str, *, allow_private: bool) -> int:
    """Send the signed body and return the status. Raises OptionRefused for an address that may not be called."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    connection = _connection(parts, host, port)
    connection.sock = _connected(host, port, allow_private, parts.scheme == "https")
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"cleanse/{package_version()}",
            SIGNATURE: signature(secret, body, int(time.time())),
        }
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def signature(secret: str, body: bytes, seconds: int) -> str:
    """What the header says: "t=SECONDS,v1=HEX"."""
    signed = hmac.digest(bytes.fromhex(secret), b"%d." % seconds + body, "sha256").hex()
    return f"t={seconds},v1={signed}"


def check_url(url: str, *, allow_private: bool) -> None:
    """Raise OptionRefused for a callback address that could not be called; a name is not resolved here."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise OptionRefused(f"callback_url {url[:200]!r} is no address: {error}") from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or not url.isascii():
        raise OptionRefused(
            f"callback_url {url[:200]!r}: pass http:// or https:// and a host, in ASCII, without user and password"
        )
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return
    _check_address(host, literal, allow_private)


def _connection(parts: SplitResult, host: str, port: int) -> http.client.HTTPConnection:
    # The socket is already there, with TLS where it is wanted: this writes the request alone.
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    if parts.scheme == "https":
        connection.default_port = http.client.HTTPS_PORT
    return connection


def _connected(host: str, port: int, allow_private: bool, tls: bool) -> socket.socket:
    """A connection to an address that was looked at."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        _check_address(host, ipaddress.ip_address(str(address[0]).partition("%")[0]), allow_private)
    family, kind, protocol, _, address = found[0]
    plain = socket.socket(family, kind, protocol)
    try:
        plain.settimeout(TIMEOUT_SECONDS)
        plain.connect(address)
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host) if tls else plain
    except BaseException:
        plain.close()
        raise


def _check_address(host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address, allow_private: bool) -> None:
    mapped = getattr(address, "ipv4_mapped", None) or address
    if not allow_private and (not mapped.is_global or mapped.is_multicast):
        raise OptionRefused(
            f"callback host {host[:200]} is {address}, an address inside a network: callbacks go to public ones, "
            "unless CLEANSE_CALLBACK_PRIVATE allows others"
        )
