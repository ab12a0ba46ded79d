"""Artefacts in a folder of this machine."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO

from nc_tasks import private
from nc_tasks.errors import MissingArtefact
from nc_tasks.files.artefacts import checked

CHUNK_BYTES = 2**20
KEPT = 0o400
"""Mode of a file that is kept: nobody changes it."""
STALE_SECONDS = 24 * 3600
"""Age from which a temporary file was left by a crash: no upload takes so long."""


class FolderArtefacts:
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
