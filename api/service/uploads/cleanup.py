"""Deletes what uploads that a crash cut off have left in the folder of this process: nobody else may reach it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from anyio import to_thread

from nc_tasks.files import ArtefactStore

log = logging.getLogger(__name__)

SWEEP_SECONDS = 3600.0
"""Time between two looks."""


@asynccontextmanager
async def swept(artefacts: ArtefactStore) -> AsyncIterator[None]:
    """Within the block such files are deleted once they are old: first at once, then every hour."""
    sweeping = asyncio.create_task(_sweep(artefacts))
    try:
        yield
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping


async def _sweep(artefacts: ArtefactStore) -> None:
    while True:
        try:
            await to_thread.run_sync(artefacts.sweep)
        except OSError as error:
            log.warning("unfinished uploads are not deleted, will try again: %s", error)
        await asyncio.sleep(SWEEP_SECONDS)
