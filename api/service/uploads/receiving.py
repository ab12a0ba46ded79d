"""Takes in an upload: one of few at a time, to disk, and without a trace where it is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import Request
from starlette.requests import ClientDisconnect

from api.service.callers import Caller
from api.service.problems import ProblemError
from api.service.service import Service
from api.service.uploads.bodies import expect_upload
from api.service.uploads.multipart import Form, FormReader, ReceivedFile
from nc_tasks.files import ArtefactStore
from nc_tasks.request.scan import StoredFile

PIECE_BYTES = 2**20
"""What is gathered before a thread writes it: the network's own pieces are 64 KiB."""


@asynccontextmanager
async def received(request: Request, service: Service, caller: Caller) -> AsyncIterator[Form]:
    """The form of the request; files that were not kept by the end of the block are removed.

    Raises ProblemError: 408 where its bytes stay out, 413 past their limit, 429 where the caller, or all together,
    have too many uploads at the moment, 400 and 415 for no form.
    """
    reader = FormReader(request.headers.get("content-type", ""), service.artefacts.incoming)
    expect_upload(request, service.settings.upload_bytes)
    try:
        give_back = service.uploads.take(caller.owner)
        try:
            await _read(request, reader)
        finally:
            give_back()
        yield reader.finish()
    finally:
        await to_thread.run_sync(reader.close)


async def _read(request: Request, reader: FormReader) -> None:
    gathered = bytearray()
    try:
        async for piece in request.stream():
            gathered += piece
            if len(gathered) >= PIECE_BYTES:
                await to_thread.run_sync(reader.write, bytes(gathered))
                gathered.clear()
    except ClientDisconnect:
        raise ProblemError(400, "the connection ended before the body did") from None
    if gathered:
        await to_thread.run_sync(reader.write, bytes(gathered))


def keep(artefacts: ArtefactStore, file: ReceivedFile) -> StoredFile:
    """Keep the file under its digest. Waits for the disk."""
    artefacts.adopt(file.path, file.sha256)
    return StoredFile(sha256=file.sha256, name=file.name)
