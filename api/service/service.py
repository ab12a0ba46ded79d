"""What one process of the HTTP service holds."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import RedisError

from api.service.rates import Rates
from api.service.shares import Shares
from api.service.watchers import Watchers
from api.service.wrong_keys import WrongKeys
from nc_tasks.files import ArtefactStore, open_artefacts
from nc_tasks.messages.address import broker_url, client_url, key_prefix
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store

if TYPE_CHECKING:
    from celery import Celery

    from api.service.metrics import Metrics


@dataclass(kw_only=True)
class Service:
    """Settings, store, artefacts and the way to the workers; made when the application starts, closed at its end.

    uploads: that are being taken in. streams: of events that are open.
    """

    settings: Settings
    uploads: Shares = field(init=False)
    streams: Shares = field(init=False)
    store: Store = field(init=False)
    artefacts: ArtefactStore = field(init=False)
    rates: Rates = field(init=False)
    watchers: Watchers = field(init=False)
    wrong_keys: WrongKeys = field(init=False)

    def open(self) -> None:
        """Open the store; raises StoreUnusable, ArtefactsUnreachable."""
        self.store = open_store(self.settings)
        self.artefacts = open_artefacts(self.settings)
        self.rates = Rates(
            self.settings.requests_per_minute, url=client_url(self.broker_url), prefix=key_prefix(self.settings)
        )
        self.watchers = Watchers(self.store)
        self.wrong_keys = WrongKeys(self.store)
        most, own = self.settings.uploads_at_once, self.settings.uploads_of_owner
        self.uploads = Shares("uploads that are being taken in", most=most, of_owner=own)
        most, own = self.settings.streams_at_once, self.settings.streams_of_owner
        self.streams = Shares("open streams of events", most=most, of_owner=own)

    async def close(self) -> None:
        """Close every connection."""
        await self.watchers.close()
        if "celery" in self.__dict__:
            self.celery.close()
        self.rates.close()
        self.store.close()

    def broker_answers(self) -> bool:
        """Whether the broker is there; waits a second at most."""
        try:
            with Redis.from_url(client_url(self.broker_url), socket_timeout=1.0, socket_connect_timeout=1.0) as client:
                return bool(client.ping())
        except RedisError:
            return False

    @property
    def broker_url(self) -> str:
        """Where the broker listens."""
        return self.settings.redis_url or broker_url(self.settings)

    @cached_property
    def metrics(self) -> "Metrics":
        """What Prometheus reads; its counters begin with the first question."""
        from api.service.metrics import Metrics

        return Metrics(self.store)

    @cached_property
    def celery(self) -> "Celery":
        """Publishes messages; made when the first is sent."""
        from nc_tasks.messages.app import make_app

        return make_app(self.settings)
