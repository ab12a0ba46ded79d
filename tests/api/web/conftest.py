"""The service as its own tests have it."""

from tests.api.service.conftest import app, make_key, sent, settings, store

__all__ = ["app", "make_key", "sent", "settings", "store"]
