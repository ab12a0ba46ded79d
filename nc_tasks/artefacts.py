"""Files kept by the sha256 of their contents: uploads, canonical models, triggers, repaired models."""

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO, Protocol

from nc_tasks import private
from nc_tasks.errors import MissingArtefact
from nc_tasks.settings import Settings

CHUNK_BYTES = 2**20
KEPT = 0o400
"""Mode of a file that is kept: nobody changes it."""
STALE_SECONDS = 24 * 3600
"""Age from which a temporary file is the leavings of a crash: no upload takes so long."""


class ArtefactStore(Protocol):
    """Where files are kept by their sha256 (lower-case hex)."""

    def put_file(self, path: Path) -> str:
        """Keep a copy of the file; returns its sha256."""
        ...

    def put_bytes(self, content: bytes) -> str:
        """Keep the bytes; returns their sha256."""
        ...

    @property
    def incoming(self) -> Path:
        """The folder that a file may be written in before `adopt` keeps it; temporary names end in .tmp."""
        ...

    def adopt(self, path: Path, digest: str) -> None:
        """Keep a file of `incoming`, whose sha256 the caller has made while writing it; the file is moved."""
        ...

    def path(self, digest: str) -> Path:
        """A local file with these contents, not to be changed; raises MissingArtefact."""
        ...

    def remove(self, digest: str, *, older_than: float) -> bool:
        """Delete the file unless it was kept, or kept again, in the last seconds; returns whether it went."""
        ...

    def digests(self) -> list[str]:
        """Of all files."""
        ...

    def sweep(self) -> int:
        """Delete temporary files of this machine that a crash left behind more than a day ago; returns how many."""
        ...


def open_artefacts(settings: Settings) -> ArtefactStore:
    """Where these settings keep files: the folder under home, or a bucket with that folder before it.

    Raises ArtefactsUnreachable where the program for it is not installed.
    """
    private.make_home(settings.home)
    folder = Artefacts(settings.artefacts)
    if settings.artefacts_url is None:
        return folder
    from nc_tasks.s3 import S3Artefacts

    return S3Artefacts(settings.artefacts_url, cache=folder, cache_bytes=settings.artefacts_cache_bytes)


class Artefacts:
    """A folder of read-only files ROOT/ab/cdef..., each whole: written aside, flushed to disk, renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        private.make_folder(root)

    def put_file(self, path: Path) -> str:
        """Keep a copy of the file; the digest is of the bytes copied, should the file change meanwhile."""
        with path.open("rb") as source:
            return self._put(_chunks(source))

    def put_bytes(self, content: bytes) -> str:
        """Keep the bytes; returns their sha256."""
        return self._put([content])

    @property
    def incoming(self) -> Path:
        """The folder that a file may be written in before `adopt` keeps it."""
        return self.root

    def adopt(self, path: Path, digest: str) -> None:
        """Keep a file of `incoming`, whose sha256 the caller has made while writing it; the file is moved."""
        with path.open("rb") as file:
            os.fchmod(file.fileno(), KEPT)
            os.fsync(file.fileno())
        self._move(path, digest)
        path.unlink(missing_ok=True)

    def path(self, digest: str) -> Path:
        """The file with these contents; raises MissingArtefact."""
        path = self._place(checked(digest))
        if not path.is_file():
            raise MissingArtefact(f"no file with sha256 {digest} under {self.root}; submit the files again")
        return path

    def remove(self, digest: str, *, older_than: float) -> bool:
        """Delete the file unless it was kept, or kept again, in the last seconds; returns whether it went."""
        path = self._place(digest)
        try:
            if path.stat().st_mtime > time.time() - older_than:
                return False
            path.unlink()
        except FileNotFoundError:
            return False
        return True

    def digests(self) -> list[str]:
        """Of all files."""
        return [path.parent.name + path.name for path in self.root.glob("[0-9a-f][0-9a-f]/*")]

    def sweep(self) -> int:
        """Delete temporary files that a crash left behind more than a day ago; returns how many."""
        before = time.time() - STALE_SECONDS
        swept = 0
        for path in self.root.glob("*.tmp"):
            with suppress(FileNotFoundError):  # its writer, or another sweep, was faster
                if path.stat().st_mtime < before:
                    path.unlink()
                    swept += 1
        return swept

    def _put(self, chunks: Iterable[bytes]) -> str:
        handle, name = mkstemp(dir=self.root, suffix=".tmp")
        temporary = Path(name)
        try:
            with open(handle, "wb") as file:
                digest = _write(chunks, file)
            self._move(temporary, digest)
        finally:
            temporary.unlink(missing_ok=True)
        return digest

    def _move(self, temporary: Path, digest: str) -> None:
        place = self._place(digest)
        if place.exists():
            with suppress(FileNotFoundError):  # removed at this moment: it is put there again
                os.utime(place)
                return
        if not place.parent.exists():
            private.make_folder(place.parent)
            _flush_folder(self.root)
        temporary.rename(place)
        _flush_folder(place.parent)

    def _place(self, digest: str) -> Path:
        return self.root / digest[:2] / digest[2:]


def checked(digest: str) -> str:
    """The digest; raises MissingArtefact for text that is none, of which no name may be made."""
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise MissingArtefact(f"{digest[:80]!r} is no sha256: 64 hexadecimal digits are needed")
    return digest


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while chunk := source.read(CHUNK_BYTES):
        yield chunk


def _write(chunks: Iterable[bytes], file: BinaryIO) -> str:
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk)
        file.write(chunk)
    file.flush()
    os.fchmod(file.fileno(), KEPT)
    os.fsync(file.fileno())
    return digest.hexdigest()


def _flush_folder(folder: Path) -> None:
    # A rename is durable only once the folder that holds the name is.
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
