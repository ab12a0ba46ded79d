"""The client of the HTTP service: what the command line and scripts of others use."""

from api.client.client import CleanseClient
from api.client.errors import ServerFailed, ServerRefused

__all__ = ["CleanseClient", "ServerFailed", "ServerRefused"]
