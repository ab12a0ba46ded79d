"""Serves the application on an address: who may reach it, and where that is written down."""

import asyncio
import json
import logging
import os
import socket
from contextlib import suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.service.callers import is_loopback
from api.service.connections import connection_of
from api.service.log_limit import LimitedWarnings
from api.web.app import create_app
from nc_core.errors import OptionRefused
from nc_tasks import private
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.store.rows import keys

log = logging.getLogger("api.web")

STOP_SECONDS = 5
"""How long open requests may take once the service is told to stop; watchers have no end of their own."""

TICK_SECONDS = 1.0
"""Between two looks of the server at its clock."""
WARNINGS_AN_HOUR = 600
"""Of the server, about requests that are none: whoever can connect can cause them."""


class Server(uvicorn.Server):
    """uvicorn's, which looks ten times a second whether it is to end: here the signal itself ends the wait."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    async def main_loop(self) -> None:
        """Until told to end; the date in the heads of answers is kept up to the second."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), TICK_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal, in the midst of whatever runs."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told.set)


def check_address(settings: Settings) -> None:
    """Raise OptionRefused where others could reach a service that asks for no key."""
    if is_loopback(settings.api_host):
        return
    store = open_store(settings)
    try:
        with store.read() as session:
            if not keys.any_made(session):
                raise OptionRefused(
                    f"the address {settings.api_host} is open to other machines and no key was made: "
                    "run `cleanse key create` first, or listen on 127.0.0.1"
                )
    finally:
        store.close()


def serve(settings: Settings) -> None:
    """Listen, write the address down, and serve; the file goes when the service does."""
    config = config_of(settings, create_app(settings))
    logging.getLogger("uvicorn.error").addFilter(LimitedWarnings(WARNINGS_AN_HOUR))
    with listening(settings) as listener:
        port = listener.getsockname()[1]
        host = f"[{settings.api_host}]" if ":" in settings.api_host else settings.api_host
        url = f"http://{host}:{port}"
        private.make_home(settings.home)
        private.write_text(settings.api_file, json.dumps({"url": url, "pid": os.getpid()}))
        log.info("listening on %s", url)
        try:
            Server(config).run(sockets=[listener])
        finally:
            settings.api_file.unlink(missing_ok=True)


def config_of(settings: Settings, app: FastAPI) -> uvicorn.Config:
    """How uvicorn serves the application. Left to itself it believes whoever sits on this machine."""
    return uvicorn.Config(
        app,
        http=connection_of(settings),
        timeout_keep_alive=settings.keep_alive_seconds,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.trusted_proxies is not None,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def listening(settings: Settings) -> socket.socket:
    """A socket on the address of the settings; raises OptionRefused where it is taken, or none of this machine's."""
    try:
        family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
        listener = socket.create_server((settings.api_host, settings.api_port), family=family, backlog=2048)
    except OSError as error:
        raise OptionRefused(
            f"cannot listen on {settings.api_host} port {settings.api_port} ({error.strerror}): "
            "pass --host and --port, or set CLEANSE_API_HOST and CLEANSE_API_PORT; port 0 for a free one"
        ) from None
    # Connections have it from here. Without it the body of a small answer waits 40 ms for the client's word that the
    # head has come.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
