"""Files on their way to the server: read piece by piece, and told how far."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from hashlib import file_digest
from pathlib import Path
from typing import Any, BinaryIO

from api.client import inputs

Progress = Callable[[int, int], None]
"""Called with the bytes that were sent so far and the bytes of all files."""


def silent(sent: int, total: int) -> None:
    """Nobody looks."""


def sha256_of(path: Path) -> str:
    """In hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


class _Counted:
    """A file that tells how far it was read; what httpx needs of one, so that it is streamed with its length."""

    def __init__(self, file: BinaryIO, told: Callable[[int], None]) -> None:
        self._file, self._told = file, told

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._told(len(piece))
        return piece

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()


class Upload:
    """A multipart body of fields and files. Its files are opened for every try, and closed by `close`.

    files: (field, path, name) of each.
    """

    def __init__(
        self, fields: Mapping[str, str], files: Sequence[tuple[str, Path, str]], progress: Progress = silent
    ) -> None:
        self._fields, self._files, self._progress = dict(fields), files, progress
        self._total = sum(path.stat().st_size for _, path, _ in files)
        self._open = ExitStack()

    def __call__(self) -> Mapping[str, Any]:
        """The arguments of a request, from the beginning of every file."""
        self.close()
        sent = 0

        def told(count: int) -> None:
            nonlocal sent
            sent += count
            self._progress(sent, self._total)

        parts: list[tuple[str, tuple[str | None, Any]]] = [(name, (None, text)) for name, text in self._fields.items()]
        for field, path, name in self._files:
            parts.append((field, (name, _Counted(self._open.enter_context(path.open("rb")), told))))
        return {"files": parts}

    def close(self) -> None:
        """Close what is open."""
        self._open.close()


def packed(path: Path, folder: Path, number: int) -> tuple[Path, str]:
    """The file to be sent and its name; a folder of pictures is packed into one under `folder`."""
    inputs.check_data(path)
    if not path.is_dir():
        return path, inputs.name_of(path)
    from nc_core.datasets import pack_folder

    file = folder / f"{number}.zip"
    pack_folder(path, file)
    return file, inputs.name_of(path)
