"""The client of the HTTP service: what the command line and scripts of others use.

from api.client import CleanseClient
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.client.client import CleanseClient
    from api.client.errors import ServerFailed, ServerRefused

_HOMES = {
    "CleanseClient": "api.client.client",
    "ServerFailed": "api.client.errors",
    "ServerRefused": "api.client.errors",
}


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: the types of this package are of use to commands that speak to no server."""
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(_HOMES[name]), name)


__all__ = ["CleanseClient", "ServerFailed", "ServerRefused"]
