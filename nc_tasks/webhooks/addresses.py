"""Which addresses may be called: those that are public, and not a way round to one that is not."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from nc_core.errors import OptionRefused

PUBLIC = IPv6Network("2000::/3")
"""What is given out of IPv6 to anybody."""
ENDS_IN_IPV4 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""Mapped, NAT64 (RFC 6052), and compatible, which is out of use: the system or a gateway goes to the IPv4 in them."""


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
    check_address(host, literal, allow_private=allow_private)


def check_address(host: str, address: IPv4Address | IPv6Address, *, allow_private: bool) -> None:
    """Raise OptionRefused for an address that leads inside a network, where those are not allowed."""
    if not allow_private and not _is_public(address):
        raise OptionRefused(
            f"callback host {host[:200]} is {address}, an address inside a network: callbacks go to public ones, "
            "unless CLEANSE_CALLBACK_PRIVATE allows others"
        )


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = _ipv4_in(address)
        if inner is None:
            return address in PUBLIC and address.is_global
        address = inner
    return address.is_global and not address.is_multicast


def _ipv4_in(address: IPv6Address) -> IPv4Address | None:
    """Where packets to this address go in the end, where that is an IPv4 address which it names."""
    if any(address in network for network in ENDS_IN_IPV4):
        return IPv4Address(address.packed[-4:])
    return address.sixtofour
